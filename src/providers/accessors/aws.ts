import type { AssumeRoleCommandInput } from "@aws-sdk/client-sts";
import { formatDuration } from "../../platform/commands/time.ts";
import { Secret } from "../../platform/secret.ts";
import { ProviderError } from "../errors.ts";
import { type AwsAddress, type AwsSession, createAwsApi } from "./aws-api.ts";
import { type Denial, denialDocument, denialFrom, denialName } from "./aws-denial.ts";
import type { Accessor, CredentialPart, GrantIntent, GrantRef, ReadBack, Revoked } from "./contract.ts";
import { assertExternalName, assertKey } from "./names.ts";
import { readTerms } from "./terms.ts";

export interface AwsAccessorOptions extends AwsAddress {
  /** ARNs of the roles that may be assumed. */
  roles: readonly string[];
  denyOnRevoke: boolean;
  now: () => Date;
}

/** Shortest session. Source: AWS STS API, "AssumeRole", DurationSeconds. */
const sessionShortestSec = 900;
/** A name of a session or a source identity has two characters at least. Source: the same. */
const identityCharsMin = 2;

/**
 * Sessions of AWS roles: the person is handed keys that expire by themselves. They cannot be called back; before their
 * time they end only by `denyOnRevoke`, else `lastsUntil` says how long they work on. Every try hands out keys of its
 * own, all under the grant's session name.
 */
export function createAwsAccessor(options: AwsAccessorOptions): Accessor {
  const { denyOnRevoke, now } = options;
  const api = createAwsApi(options);
  const liveDenials = async (role: string, externalName: string, signal?: AbortSignal) => {
    const names = await api.rolePolicies(nameInArn(role), signal);
    return names.flatMap((name) => {
      const denial = denialFrom(name);
      return denial?.externalName === externalName ? [{ ...denial, name }] : [];
    });
  };

  /** Denies the session everything until it has expired, and takes away what is spent. */
  const deny = async (ref: GrantRef, until: Date, signal?: AbortSignal): Promise<Revoked> => {
    const { roleArn } = readTerms("aws", ref.terms);
    const role = nameInArn(roleArn);
    const { externalName } = ref;
    const denials = await liveDenials(roleArn, externalName, signal);
    const spent = denials.filter((denial) => isSpent(denial, now()));
    for (const { name } of spent) await api.deleteRolePolicy(role, name, signal);
    const isOver = until <= now();
    if (!isOver && !denials.some((denial) => denial.until > now())) {
      const denial: Denial = { externalName, until };
      await api.putRolePolicy(role, denialName(denial), denialDocument(denial), signal);
      const left = await liveDenials(roleArn, externalName, signal);
      if (!left.some(({ name }) => name === denialName(denial)))
        throw new ProviderError(
          "conflict",
          `Reading back the policy that denies ${externalName} of ${role}: it is not there`,
          "Something else removes inline policies of the role; it is put there again",
        );
    }
    return {
      sessionsEnded: 0,
      cleaned: spent.map(({ name }) => `policy ${name} of ${role}`),
      readBack: gone,
      lastsUntil: null,
      seen: isOver
        ? undefined
        : `its keys are denied everything until they expire at ${until.toISOString()}; AWS takes some seconds to know it everywhere`,
    };
  };

  return {
    plan: async (intent, call) => {
      const input = assumption(intent, options);
      const us = await api.whoAmI(call?.signal);
      if (denyOnRevoke) assertOurAccount(intent, us);
      const { roleArn } = readTerms("aws", intent.terms);
      const denial: Denial = { externalName: intent.externalName, until: endOf(input, now()) };
      return {
        words: [
          `As ${us}: assume ${roleArn} as ${intent.externalName} for ${spanOf(input)}, keys shown once`,
          denyOnRevoke
            ? "Before its time: an inline policy of the role denies that session everything, and goes once the keys have expired"
            : "Before its time nothing at AWS ends it: the keys work until they expire",
        ],
        statements: [assumeLine(input)],
        endStatements: [
          `aws iam put-role-policy --role-name ${nameInArn(roleArn)} --policy-name ${denialName(denial)} --policy-document ${quoted(denialDocument(denial))}`,
        ],
        obstacles: [],
      };
    },

    grant: async (intent, idempotencyKey, call) => {
      assertKey(idempotencyKey);
      const input = assumption(intent, options);
      if (denyOnRevoke) assertOurAccount(intent, await api.whoAmI(call?.signal));
      const session = await api.assumeRole(input, call?.signal);
      return {
        credential: partsOf(session, options.region),
        expiresAt: session.expiresAt,
        lastsUntil: denyOnRevoke ? null : session.expiresAt,
        externalId: `${session.roleId}@${session.expiresAt.toISOString()}`,
        wasAdopted: false,
      };
    },

    verify: async (ref, call) => {
      assertExternalName(ref.externalName);
      const until = expiryIn(ref.externalId);
      if (until === undefined || until <= now()) return gone;
      const { roleArn } = readTerms("aws", ref.terms);
      if (denyOnRevoke && (await liveDenials(roleArn, ref.externalName, call?.signal)).length > 0)
        return gone;
      return { exists: true, canLogin: true, validUntil: until, memberships: [roleArn], openSessions: null };
    },

    revoke: async (ref, call) => {
      assertExternalName(ref.externalName);
      const known = expiryIn(ref.externalId);
      // Keys that have expired need no denial: their end waits for no call.
      const isOver = known !== undefined && known <= now();
      if (denyOnRevoke && (!isOver || ref.externalId?.startsWith(denialIdPrefix)))
        // Where the answer never came nobody has the keys; denied all the same, for as long as they could live.
        return deny(
          ref,
          known ?? new Date(now().getTime() + readTerms("aws", ref.terms).sessionMax),
          call?.signal,
        );
      const lastsUntil = known !== undefined && known > now() ? known : null;
      return { sessionsEnded: 0, cleaned: [], readBack: gone, lastsUntil };
    },

    // STS keeps no list of sessions. Found are denials that are spent: they are ours, and to be taken away.
    list: async (call) => {
      if (!denyOnRevoke) {
        await api.whoAmI(call?.signal);
        return [];
      }
      const found = [];
      for (const roleArn of new Set(options.roles))
        for (const name of await api.rolePolicies(nameInArn(roleArn), call?.signal)) {
          const denial = denialFrom(name);
          if (denial === undefined || !isSpent(denial, now())) continue;
          found.push({
            ref: {
              externalName: denial.externalName,
              externalId: `${denialIdPrefix}${denial.externalName}@${denial.until.toISOString()}`,
              grantee: { personId: "", slack: { team: "", user: "" }, accounts: {} },
              terms: { roleArn },
            },
            idempotencyKey: denial.externalName,
            words: `inline policy ${name} of ${roleArn}: its session has expired`,
            readBack: { ...gone, exists: true },
          });
        }
      return found;
    },
  };
}

/** Stands in the external id of a denial where that of a session has the role's id. */
const denialIdPrefix = "denial:";
/** AWS's clock and ours may differ: a denial stays so much longer than the keys, by our clock. */
const denialSpareMs = 5 * 60_000;

const isSpent = ({ until }: Denial, now: Date): boolean => until.getTime() + denialSpareMs <= now.getTime();

/** Inline policies are written in our own account only, whatever account a role's ARN names. */
function assertOurAccount({ terms }: Pick<GrantIntent, "terms">, us: string): void {
  const { roleArn } = readTerms("aws", terms);
  const [ours, theirs] = [accountIn(us), accountIn(roleArn)];
  if (ours === theirs) return;
  throw new ProviderError(
    "rejected",
    `${roleArn} is a role of account ${theirs}, and Quarterdeck works in ${ours}: its sessions could not be denied there`,
    "Give that account an accessor of its own with keys of that account, or leave denyOnRevoke out: keys then last until they expire",
  );
}

/** `arn:aws:iam::111122223333:role/reader` is of the account 111122223333. */
const accountIn = (arn: string): string => arn.split(":")[4] || "unknown";

const gone: ReadBack = {
  exists: false,
  canLogin: false,
  validUntil: null,
  memberships: [],
  openSessions: null,
};

/** What is asked of AssumeRole. Throws `rejected` for what AWS would refuse, or what no role of the catalog allows. */
function assumption(
  { externalName, grantee, terms, expiresAt }: GrantIntent,
  { roles, now }: Pick<AwsAccessorOptions, "roles" | "now">,
): AssumeRoleCommandInput {
  assertExternalName(externalName);
  const { roleArn, sessionMax, policy, policyArns, tags } = readTerms("aws", terms);
  if (!roles.includes(roleArn))
    throw new ProviderError("rejected", `${roleArn} is a role of no resource`, "Declare it in the catalog");
  const leftSec = Math.floor((expiresAt.getTime() - now().getTime()) / 1_000);
  if (!(leftSec > 0)) throw new ProviderError("rejected", "The grant's end has passed", "Ask anew");
  if (leftSec * 1_000 > sessionMax)
    throw new ProviderError(
      "rejected",
      `${formatDuration(leftSec * 1_000)} are longer than a session of ${nameInArn(roleArn)} lasts: ${formatDuration(sessionMax)} at most`,
      "Ask for less, or raise MaxSessionDuration at AWS and sessionMax in the role's terms",
    );
  return {
    RoleArn: roleArn,
    RoleSessionName: externalName,
    SourceIdentity: grantee.personId.padEnd(identityCharsMin, "_"),
    DurationSeconds: Math.max(sessionShortestSec, leftSec),
    ...(policy === undefined ? {} : { Policy: JSON.stringify(policy) }),
    ...(policyArns.length === 0 ? {} : { PolicyArns: policyArns.map((arn) => ({ arn })) }),
    ...(Object.keys(tags).length === 0
      ? {}
      : { Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })) }),
  };
}

function partsOf(session: AwsSession, region: string): CredentialPart[] {
  const { accessKeyId, secretAccessKey, sessionToken } = session;
  const lines = [
    `export AWS_ACCESS_KEY_ID=${accessKeyId}`,
    `export AWS_SECRET_ACCESS_KEY=${secretAccessKey}`,
    `export AWS_SESSION_TOKEN=${sessionToken}`,
    `export AWS_REGION=${region}`,
  ];
  return [
    { id: "access-key", label: "Access key", value: accessKeyId },
    { id: "secret-key", label: "Secret access key", value: new Secret(secretAccessKey) },
    { id: "session-token", label: "Session token", value: new Secret(sessionToken) },
    { id: "env", label: "For a shell", value: new Secret(lines.join("\n")) },
    {
      id: "console",
      label: "AWS Console",
      value:
        "With these three, https://signin.aws.amazon.com/federation gives a sign-in link: IAM User Guide, “Enable custom identity broker access to the AWS console”",
    },
  ];
}

/** `arn:aws:iam::1:role/path/reader` is the role `reader`. */
const nameInArn = (arn: string): string => arn.slice(arn.lastIndexOf("/") + 1);

function expiryIn(externalId: string | undefined): Date | undefined {
  const text = externalId?.slice(externalId.lastIndexOf("@") + 1) ?? "";
  const until = new Date(text);
  return Number.isNaN(until.getTime()) ? undefined : until;
}

const secondsOf = ({ DurationSeconds: sec = sessionShortestSec }: AssumeRoleCommandInput): number => sec;
const spanOf = (input: AssumeRoleCommandInput): string => formatDuration(secondsOf(input) * 1_000);
const endOf = (input: AssumeRoleCommandInput, now: Date): Date =>
  new Date(now.getTime() + secondsOf(input) * 1_000);

/** As the AWS command line takes it. */
function assumeLine(input: AssumeRoleCommandInput): string {
  const { PolicyArns: arns = [], Tags: tags = [] } = input;
  return [
    `aws sts assume-role --role-arn ${input.RoleArn} --role-session-name ${input.RoleSessionName}`,
    `--source-identity ${input.SourceIdentity} --duration-seconds ${input.DurationSeconds}`,
    ...(input.Policy === undefined ? [] : [`--policy ${quoted(input.Policy)}`]),
    ...(arns.length === 0 ? [] : [`--policy-arns ${arns.map(({ arn }) => `arn=${arn}`).join(" ")}`]),
    ...(tags.length === 0
      ? []
      : [`--tags ${tags.map(({ Key, Value }) => quoted(`Key=${Key},Value=${Value}`)).join(" ")}`]),
  ].join(" ");
}

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
