/** The few calls of STS and IAM that a grant needs, and what their refusals mean. */
import type { IAMClient } from "@aws-sdk/client-iam";
import type { AssumeRoleCommandInput, STSClient } from "@aws-sdk/client-sts";
import type { Secret } from "../../platform/secret.ts";
import { networkWord, type ProviderCode, ProviderError, RateLimited } from "../errors.ts";

export interface AwsAddress {
  /** The instance, for messages. */
  who: string;
  region: string;
  /** AWS's own chain (environment, profile, instance or pod) when left out. */
  keys?: { accessKeyId: Secret<string>; secretAccessKey: Secret<string> } | undefined;
  stsEndpoint?: string | undefined;
  iamEndpoint?: string | undefined;
  /** Each request ends by then, in milliseconds. */
  deadlineMs: number;
}

export interface AwsSession {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken: string;
  expiresAt: Date;
  /** `AROA…:name`. */
  roleId: string;
}

export interface AwsApi {
  /** ARN of whoever we are there. */
  whoAmI(signal?: AbortSignal): Promise<string>;
  assumeRole(input: AssumeRoleCommandInput, signal?: AbortSignal): Promise<AwsSession>;
  /** Names of the role's inline policies. */
  rolePolicies(role: string, signal?: AbortSignal): Promise<string[]>;
  putRolePolicy(role: string, name: string, document: string, signal?: AbortSignal): Promise<void>;
  /** Nothing there is a success. */
  deleteRolePolicy(role: string, name: string, signal?: AbortSignal): Promise<void>;
}

type Sts = typeof import("@aws-sdk/client-sts");
type Iam = typeof import("@aws-sdk/client-iam");

/** Policies of one role that are read; AWS holds 10,240 characters of them, far fewer policies than this. */
const policiesMax = 1_000;

export function createAwsApi(address: AwsAddress): AwsApi {
  const common = (endpoint: string | undefined) => ({
    region: address.region,
    // Rows and rings own the tries.
    maxAttempts: 1,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(address.keys === undefined
      ? {}
      : {
          credentials: {
            accessKeyId: address.keys.accessKeyId.reveal(),
            secretAccessKey: address.keys.secretAccessKey.reveal(),
          },
        }),
  });
  const call = async <T>(
    what: string,
    given: AbortSignal | undefined,
    work: (abortSignal: AbortSignal) => Promise<T>,
  ): Promise<T> => {
    const deadline = AbortSignal.timeout(address.deadlineMs);
    const signal = given === undefined ? deadline : AbortSignal.any([deadline, given]);
    try {
      return await work(signal);
    } catch (error) {
      if (signal.aborted)
        throw new ProviderError(
          "timeout",
          `${address.who} did not answer ${what} in time`,
          "It may have been done; it is asked again by itself.",
          error,
        );
      throw error instanceof ProviderError ? error : refusalOf(address.who, what, error);
    }
  };
  // The SDK is large; a Quarterdeck without AWS never loads it.
  const withSts = <T>(
    what: string,
    signal: AbortSignal | undefined,
    work: (sdk: Sts, client: STSClient, options: { abortSignal: AbortSignal }) => Promise<T>,
  ): Promise<T> =>
    call(what, signal, async (abortSignal) => {
      const sdk = await import("@aws-sdk/client-sts");
      const client = new sdk.STSClient(common(address.stsEndpoint));
      try {
        return await work(sdk, client, { abortSignal });
      } finally {
        client.destroy();
      }
    });
  const withIam = <T>(
    what: string,
    signal: AbortSignal | undefined,
    work: (sdk: Iam, client: IAMClient, options: { abortSignal: AbortSignal }) => Promise<T>,
  ): Promise<T> =>
    call(what, signal, async (abortSignal) => {
      const sdk = await import("@aws-sdk/client-iam");
      const client = new sdk.IAMClient(common(address.iamEndpoint));
      try {
        return await work(sdk, client, { abortSignal });
      } finally {
        client.destroy();
      }
    });

  return {
    whoAmI: (signal) =>
      withSts("GetCallerIdentity", signal, async (sdk, client, options) => {
        const { Arn } = await client.send(new sdk.GetCallerIdentityCommand({}), options);
        return Arn ?? "unknown";
      }),

    assumeRole: (input, signal) =>
      withSts("AssumeRole", signal, async (sdk, client, options) => {
        const answer = await client.send(new sdk.AssumeRoleCommand(input), options);
        const { Credentials: made, AssumedRoleUser: as } = answer;
        if (
          made?.AccessKeyId === undefined ||
          made.SecretAccessKey === undefined ||
          made.SessionToken === undefined ||
          made.Expiration === undefined ||
          as?.AssumedRoleId === undefined
        )
          throw new ProviderError(
            "rejected",
            `${address.who} answered AssumeRole without credentials`,
            "Check stsEndpoint of the instance.",
          );
        return {
          accessKeyId: made.AccessKeyId,
          secretAccessKey: made.SecretAccessKey,
          sessionToken: made.SessionToken,
          expiresAt: made.Expiration,
          roleId: as.AssumedRoleId,
        };
      }),

    rolePolicies: (role, signal) =>
      withIam("ListRolePolicies", signal, async (sdk, client, options) => {
        const command = new sdk.ListRolePoliciesCommand({ RoleName: role, MaxItems: policiesMax });
        return (await client.send(command, options)).PolicyNames ?? [];
      }),

    putRolePolicy: (role, name, document, signal) =>
      withIam("PutRolePolicy", signal, async (sdk, client, options) => {
        const input = { RoleName: role, PolicyName: name, PolicyDocument: document };
        await client.send(new sdk.PutRolePolicyCommand(input), options);
      }),

    deleteRolePolicy: (role, name, signal) =>
      withIam("DeleteRolePolicy", signal, async (sdk, client, options) => {
        try {
          await client.send(new sdk.DeleteRolePolicyCommand({ RoleName: role, PolicyName: name }), options);
        } catch (error) {
          if (!nameOf(error).startsWith("NoSuchEntity")) throw error;
        }
      }),
  };
}

const nameOf = (error: unknown): string =>
  error instanceof Error ? error.name.replace(/Exception$/, "") : "";

/** Error codes of STS and IAM. Source: AWS STS and IAM API References, "Common Errors" and those of each action. */
const codes: Readonly<Record<string, { code: ProviderCode; hint: string }>> = {
  AccessDenied: {
    code: "unauthorised",
    hint: "The role's trust policy must let us do sts:AssumeRole, sts:SetSourceIdentity and, with tags, sts:TagSession, and our own policy too; for denyOnRevoke the three actions on its inline policies",
  },
  InvalidClientTokenId: { code: "unauthorised", hint: "AWS does not know the access key; set a valid one" },
  UnrecognizedClient: { code: "unauthorised", hint: "AWS does not know the access key; set a valid one" },
  SignatureDoesNotMatch: { code: "unauthorised", hint: "The secret access key is not the key's" },
  ExpiredToken: { code: "unauthorised", hint: "Our own credentials have expired; renew them" },
  CredentialsProviderError: {
    code: "unauthorised",
    hint: "Name accessKeyIdEnv and secretAccessKeyEnv in the catalog, or run where AWS's chain finds a role",
  },
  NoSuchEntity: { code: "not_found", hint: "Check roleArn in the role's terms" },
  ValidationError: {
    code: "rejected",
    hint: "A time longer than the role's MaxSessionDuration, or than 1 h where our own credentials are a role's, is refused: shorten durationMax, or raise it at AWS and in sessionMax",
  },
  PackedPolicyTooLarge: {
    code: "rejected",
    hint: "Policy, policyArns and tags are too long together once packed; shorten them in the role's terms",
  },
  MalformedPolicyDocument: { code: "rejected", hint: "Correct policy in the role's terms" },
  RegionDisabled: { code: "rejected", hint: "Turn STS on for that region in the account, or name another" },
  LimitExceeded: {
    code: "rejected",
    hint: "The role has no room for another inline policy; remove what is spent of it",
  },
  ConcurrentModification: { code: "unreachable", hint: "It is asked again by itself." },
  ServiceFailure: { code: "unreachable", hint: "It is asked again by itself." },
};

const throttled = /^(?:Throttl|TooManyRequests|RequestLimitExceeded|SlowDown)/;
/** AWS names no time; its own clients begin far lower and double. */
const stayAwayMs = 5_000;

function refusalOf(who: string, what: string, error: unknown): ProviderError {
  const name = nameOf(error);
  const status = (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;
  const words = error instanceof Error ? error.message.slice(0, 300) : "";
  const message = `${who} refused ${what} (${name}): ${words}`;
  if (throttled.test(name) || status === 429)
    return new RateLimited(message, "It is asked again by itself.", stayAwayMs);
  const known = codes[name];
  if (known !== undefined) return new ProviderError(known.code, message, known.hint, error);
  if (status === undefined)
    return new ProviderError(
      "unreachable",
      `${who} cannot be reached for ${what}${networkWord(new Error("", { cause: error }))}`,
      "Check the region, its endpoints and the network; it is asked again by itself.",
      error,
    );
  if (status >= 500) return new ProviderError("unreachable", message, "It is asked again by itself.", error);
  return new ProviderError(
    status === 403 ? "unauthorised" : "rejected",
    message,
    "What it says names the cause; mend the role's terms or the instance.",
    error,
  );
}
