/** What a certificate is signed for, and a grant in words and as commands. */
import type { TermsOf } from "../../catalog/schema.ts";
import type { Secret } from "../../platform/secret.ts";
import { ProviderError } from "../errors.ts";
import type { CredentialPart, GrantIntent } from "./contract.ts";
import { type CertificateFacts, optionsOf, type Signing, stamp } from "./ssh-keygen.ts";
import { listPathIn } from "./ssh-registry.ts";

export type SshTerms = TermsOf<"ssh">;

/** What of an instance its people and administrators are told. */
export interface SshPlace {
  /** Where people log in. */
  hosts: readonly string[];
  /** Shared by all workers; holds `revoked.krl`. */
  directory: string;
  /** Program that brings the list to the hosts; run with its path. */
  publishCommand?: string | undefined;
  /** Program that ends open sessions; run with the grant's name and its principals, prints how many it ended. */
  endSessionsCommand?: string | undefined;
}

/** How long before now a certificate begins, in milliseconds: hosts' clocks differ. */
const skewMs = 120_000;

export const membershipsOf = ({ principals }: SshTerms): string[] =>
  [...principals].sort().map((principal) => `principal ${principal}`);

export function signingOf(
  { externalName, expiresAt }: GrantIntent,
  terms: SshTerms,
  serial: string,
  now: Date,
): Signing {
  const until = new Date(Math.floor(expiresAt.getTime() / 1_000) * 1_000);
  return {
    keyId: externalName,
    serial,
    principals: terms.principals,
    from: new Date(Math.min(now.getTime(), until.getTime()) - skewMs),
    until,
    sourceAddresses: terms.sourceAddresses,
    forceCommand: terms.forceCommand,
    permit: terms.permit,
  };
}

/** A certificate is handed out only if it says what was meant, and nothing more. */
export function assertAsMeant(facts: CertificateFacts, signing: Signing): void {
  const wrong = (
    [
      ["key id", facts.keyId, signing.keyId],
      ["serial", facts.serial, signing.serial],
      ["principals", [...facts.principals].sort().join(), [...signing.principals].sort().join()],
      ["end", facts.until?.getTime(), signing.until.getTime()],
      [
        "extensions",
        [...facts.extensions].sort().join(),
        signing.permit
          .map((what) => `permit-${what}`)
          .sort()
          .join(),
      ],
      [
        "critical options",
        facts.criticalOptions.length,
        [signing.sourceAddresses, signing.forceCommand].filter((option) => option !== undefined).length,
      ],
    ] as const
  ).find(([, found, meant]) => found !== meant);
  if (wrong === undefined) return;
  const [what, found, meant] = wrong;
  throw new ProviderError(
    "conflict",
    `Reading back the certificate of ${signing.keyId}: its ${what} is ${String(found)}, not ${String(meant)}`,
    "Is this OpenSSH's own ssh-keygen?",
  );
}

export function partsOf(
  hosts: readonly string[],
  name: string,
  terms: SshTerms,
  { privateKey, certificate }: { privateKey: Secret<string>; certificate: string },
): CredentialPart[] {
  return [
    { id: "key", label: "Private key (chmod 600)", value: privateKey, fileName: name },
    { id: "certificate", label: "Certificate, beside it", value: certificate, fileName: `${name}-cert.pub` },
    ...hosts.map((host, nth) => ({
      id: nth === 0 ? "command" : `command-${nth + 1}`,
      label: "Log in",
      value: commandFor(host, name, terms),
    })),
  ];
}

function commandFor(host: string, name: string, { login, principals }: SshTerms): string {
  const { address = host, port } =
    /^\[?(?<address>[^\]]+?)\]?(?::(?<port>\d{1,5}))?$/.exec(host)?.groups ?? {};
  return `ssh -i ${name} -o IdentitiesOnly=yes${port === undefined ? "" : ` -p ${port}`} ${login ?? principals[0]}@${address}`;
}

export function wordsOf(
  { hosts, endSessionsCommand }: SshPlace,
  intent: GrantIntent,
  terms: SshTerms,
): string[] {
  const only = [
    ...(terms.sourceAddresses ? [`from ${terms.sourceAddresses.join(", ")} only`] : []),
    ...(terms.forceCommand === undefined
      ? []
      : [`for the command ${JSON.stringify(terms.forceCommand)} only`]),
    terms.permit.length === 0 ? "without a terminal or forwarding" : `with ${terms.permit.join(", ")}`,
  ];
  return [
    `Make a key pair and sign it as ${intent.externalName} for ${terms.principals.join(", ")} at ${hosts.join(", ")}, ${only.join(", ")}, until ${intent.expiresAt.toISOString()}`,
    "At the end: put it on the list of revoked certificates that hosts read at each login, bring the list to them, read back that it refuses the certificate",
    endSessionsCommand === undefined
      ? "Sessions that are open go on until they are closed, and so do new ones through a shared connection (ControlMaster): a certificate is looked at when one logs in"
      : "Then the instance's program ends open sessions; what it does not reach goes on until it is closed",
  ];
}

export function statementsOf(signing: Signing): string[] {
  const options = optionsOf(signing).map((option) => `-O '${option}'`);
  return [
    `ssh-keygen -t ed25519 -N '' -C ${signing.keyId} -f <key>`,
    `ssh-keygen -s <CA key> -I ${signing.keyId} -z ${signing.serial} -n ${signing.principals.join(",")} -V ${stamp(signing.from)}:${stamp(signing.until)} ${options.join(" ")} <key>.pub`,
  ];
}

export function endStatementsOf(
  { directory, publishCommand, endSessionsCommand }: SshPlace,
  name: string,
  terms: SshTerms,
): string[] {
  const list = listPathIn(directory);
  return [
    `printf 'id: ${name}\\n' | ssh-keygen -k -u -f ${list} -s <CA key>.pub -`,
    publishCommand === undefined ? `bring ${list} to the hosts` : `${publishCommand} ${list}`,
    ...(endSessionsCommand === undefined ? [] : [[endSessionsCommand, name, ...terms.principals].join(" ")]),
  ];
}
