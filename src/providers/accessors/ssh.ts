import type { AccessTerms } from "../../catalog/schema.ts";
import { ProviderError } from "../errors.ts";
import type { Accessor, CallOptions, Grantee, GrantIntent, ReadBack } from "./contract.ts";
import { assertExternalName, assertKey } from "./names.ts";
import {
  describeCertificate,
  isRevoked,
  type Keygen,
  type KeygenOptions,
  run,
  withKeygen,
} from "./ssh-keygen.ts";
import {
  assertAsMeant,
  endStatementsOf,
  membershipsOf,
  partsOf,
  type SshPlace,
  type SshTerms,
  signingOf,
  statementsOf,
  wordsOf,
} from "./ssh-plan.ts";
import { type Issued, Registry } from "./ssh-registry.ts";
import { assertDeclared, readTerms } from "./terms.ts";

export interface SshAccessorOptions extends SshPlace {
  /** The private key that signs; or the path of its file. */
  caKey: KeygenOptions["caKey"];
  /** Terms that may be granted. */
  grantable: readonly AccessTerms[];
  /** Each call ends by then, in milliseconds. */
  deadlineMs: number;
  now: () => Date;
  randomBytes: (size: number) => Buffer;
}

/** How long an ended grant stays on the list after its certificate has expired, in milliseconds: clocks differ, ends are repeated. */
const rememberMs = 24 * 3_600_000;

const nobody: Grantee = { personId: "", slack: { team: "", user: "" }, accounts: {} };

/**
 * Certificates for logins by SSH: one per grant, for a key pair made for it, that expires with it. What ends earlier is
 * put on a list that hosts read at each login (`RevokedKeys`).
 */
export function createSshAccessor(options: SshAccessorOptions): Accessor {
  const registry = new Registry(options.directory, options.randomBytes(12).toString("hex"));
  const until = (call: CallOptions | undefined): AbortSignal => {
    const deadline = AbortSignal.timeout(options.deadlineMs);
    return call?.signal ? AbortSignal.any([deadline, call.signal]) : deadline;
  };
  const termsOf = ({ externalName, terms, expiresAt }: GrantIntent): SshTerms => {
    assertExternalName(externalName);
    const read = readTerms("ssh", terms);
    assertDeclared(options.grantable, terms, `A certificate for ${read.principals.join(", ")}`);
    if (Number.isNaN(expiresAt.getTime()))
      throw new ProviderError("rejected", "The grant's end is no date", "expiresAt must be a valid Date");
    return read;
  };
  const readBack = (issued: Issued | undefined): ReadBack =>
    issued === undefined
      ? { exists: false, canLogin: false, validUntil: null, memberships: [], openSessions: null }
      : {
          exists: true,
          canLogin: issued.until > options.now(),
          validUntil: issued.until,
          memberships: membershipsOf(readTerms("ssh", issued.terms)),
          openSessions: null,
        };

  async function writeList(keygen: Keygen, signal: AbortSignal): Promise<void> {
    const [issued, revoked] = await Promise.all([registry.allIssued(), registry.allRevoked()]);
    const now = options.now();
    const over = revoked.filter((entry) => entry.until < now);
    const list = await keygen.revocationList(
      {
        serials: issued.flatMap(({ replaced }) => replaced),
        keyIds: revoked.filter((entry) => !over.includes(entry)).map(({ name }) => name),
      },
      now.getTime(),
    );
    await registry.writeList(list);
    for (const { name } of over) await registry.removeRevoked(name);
    if (options.publishCommand !== undefined) await run(options.publishCommand, [registry.listPath], signal);
  }

  return {
    plan: async (intent, call) => {
      const signal = until(call);
      const terms = termsOf(intent);
      const signing = signingOf(intent, terms, "<serial>", options.now());
      return {
        words: wordsOf(options, intent, terms),
        statements: statementsOf(signing),
        endStatements: endStatementsOf(options, intent.externalName, terms),
        obstacles: await obstaclesOf(options, registry, intent.externalName, signal),
      };
    },

    grant: async (intent, idempotencyKey, call) => {
      const signal = until(call);
      const terms = termsOf(intent);
      assertKey(idempotencyKey);
      const made = await registry.locked(signal, () =>
        withKeygen({ caKey: options.caKey, signal }, async (keygen) => {
          const present = await registry.issued(intent.externalName);
          if (present && present.key !== idempotencyKey)
            throw new ProviderError(
              "conflict",
              `A certificate of ${intent.externalName} exists and was not made by this grant`,
              "Compare it with the grants on record, remove it if nobody needs it, then try again",
            );
          if (await registry.revoked(intent.externalName))
            throw new ProviderError(
              "conflict",
              `${intent.externalName} has ended: hosts refuse every certificate of that name`,
              "Ask for a new grant",
            );
          const serial = (options.randomBytes(8).readBigUInt64BE() >> 1n).toString();
          const signing = signingOf(intent, terms, serial, options.now());
          const signed = await keygen.sign(signing);
          const facts = await describeCertificate(signed.certificate, signal);
          assertAsMeant(facts, signing);
          const issued: Issued = {
            name: intent.externalName,
            key: idempotencyKey,
            terms: { ...intent.terms } as Issued["terms"],
            certificate: signed.certificate,
            serial,
            until: signing.until,
            replaced: present ? [...present.replaced, present.serial] : [],
          };
          await registry.writeIssued(issued);
          await writeList(keygen, signal);
          return { signed, issued, wasAdopted: present !== undefined, ca: await keygen.fingerprint() };
        }),
      );
      return {
        credential: partsOf(options.hosts, intent.externalName, terms, made.signed),
        expiresAt: made.issued.until,
        lastsUntil: null,
        externalId: `${made.ca} ${intent.externalName}`,
        wasAdopted: made.wasAdopted,
      };
    },

    verify: async ({ externalName }) => {
      assertExternalName(externalName);
      return readBack(await registry.issued(externalName));
    },

    revoke: async ({ externalName, externalId }, call) => {
      assertExternalName(externalName);
      const signal = until(call);
      return await registry.locked(signal, async () => {
        const issued = await registry.issued(externalName);
        const isKnown = issued !== undefined || (await registry.revoked(externalName)) !== undefined;
        // One that was made and that the folder knows nothing of: it was lost, and the certificate may work.
        if (!isKnown && externalId === undefined) return ended(readBack(undefined), 0);
        if (issued || !isKnown) {
          const last = Math.max(issued?.until.getTime() ?? 0, options.now().getTime());
          await registry.writeRevoked({ name: externalName, until: new Date(last + rememberMs) });
          await withKeygen({ caKey: options.caKey, signal }, (keygen) => writeList(keygen, signal));
        }
        if (issued && !(await isRevoked(registry.listPath, issued.certificate, signal)))
          throw new ProviderError(
            "conflict",
            `${registry.listPath} does not refuse ${externalName}`,
            "Something else writes that file: it must be Quarterdeck's alone",
          );
        const sessions = issued ? await endSessions(options, issued, signal) : 0;
        await registry.removeIssued(externalName);
        return ended(readBack(await registry.issued(externalName)), sessions);
      });
    },

    list: async (call) => {
      // The key that signs must be there too: that is what whoever looks wants to know.
      await withKeygen({ caKey: options.caKey, signal: until(call) }, (keygen) => keygen.fingerprint());
      return (await registry.allIssued()).map((issued) => ({
        ref: { externalName: issued.name, grantee: nobody, terms: issued.terms },
        idempotencyKey: issued.key,
        words: `certificate ${issued.name} for ${membershipsOf(readTerms("ssh", issued.terms)).join(", ")}`,
        readBack: readBack(issued),
      }));
    },
  };
}

const ended = (left: ReadBack, sessionsEnded: number) => ({
  sessionsEnded,
  cleaned: [],
  readBack: left,
  lastsUntil: null,
});

async function obstaclesOf(
  { caKey }: SshAccessorOptions,
  registry: Registry,
  name: string,
  signal: AbortSignal,
): Promise<string[]> {
  try {
    await registry.assertThere();
    await withKeygen({ caKey, signal }, (keygen) => keygen.fingerprint());
    const present = await registry.issued(name);
    return present ? [`A certificate of ${name} exists already`] : [];
  } catch (error) {
    if (error instanceof ProviderError && error.code !== "timeout") return [error.message];
    throw error;
  }
}

/** @returns how many the program says it ended */
async function endSessions(
  { endSessionsCommand }: SshAccessorOptions,
  issued: Issued,
  signal: AbortSignal,
): Promise<number> {
  if (endSessionsCommand === undefined) return 0;
  const said = await run(
    endSessionsCommand,
    [issued.name, ...readTerms("ssh", issued.terms).principals],
    signal,
  );
  return Number(/\d{1,6}/.exec(said)?.[0] ?? 0);
}
