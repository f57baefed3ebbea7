/**
 * A strict server in the place of STS and IAM: checks the signature of every request as AWS would, keeps what was
 * asked, and answers as documented. Sources: IAM User Guide, "Create a signed AWS API request"; API references of both.
 */
import { createHash, createHmac } from "node:crypto";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";

export interface AwsRequest {
  action: string;
  service: string;
  params: Record<string, string>;
}

export interface AwsRecorder {
  url: string;
  asked: AwsRequest[];
  /** Inline policies by role, then name. */
  policies: Map<string, Map<string, string>>;
  /** The next request is answered with this error, and not done. */
  refuseNext(code: string, message: string, status?: number): void;
  /** The next request is done, and its answer never comes. */
  loseNext(): void;
  close(): Promise<void>;
}

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");
const hmac = (key: string | Buffer, text: string): Buffer => createHmac("sha256", key).update(text).digest();

/** The service it is signed for; undefined when the signature is not the key's. */
function signedFor(
  request: IncomingMessage,
  body: string,
  keys: { id: string; secret: string },
): string | undefined {
  const pattern =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/([^/]+)\/aws4_request, SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$/;
  const [, id, day, region, service, headers, signature] =
    pattern.exec(request.headers.authorization ?? "") ?? [];
  if (id !== keys.id || !day || !region || !service || !headers?.split(";").includes("host"))
    return undefined;
  const canonical = [
    request.method,
    request.url,
    "",
    ...headers.split(";").map((name) => `${name}:${String(request.headers[name] ?? "").trim()}`),
    "",
    headers,
    sha256(body),
  ].join("\n");
  const scope = `${day}/${region}/${service}/aws4_request`;
  const toSign = ["AWS4-HMAC-SHA256", request.headers["x-amz-date"], scope, sha256(canonical)].join("\n");
  const key = hmac(hmac(hmac(hmac(`AWS4${keys.secret}`, day), region), service), "aws4_request");
  return hmac(key, toSign).toString("hex") === signature ? service : undefined;
}

export async function startAwsRecorder(
  keys: { id: string; secret: string },
  now: () => Date,
): Promise<AwsRecorder> {
  const asked: AwsRequest[] = [];
  const policies = new Map<string, Map<string, string>>();
  const refusals: { code: string; message: string; status: number }[] = [];
  let toLose = 0;
  const errorOf = (code: string, message: string) =>
    `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error><RequestId>r</RequestId></ErrorResponse>`;
  const answerOf = ({ action, params }: AwsRequest): string | undefined => {
    const own = policies.get(params.RoleName ?? "") ?? new Map<string, string>();
    const wrap = (result: string) =>
      `<${action}Response><${action}Result>${result}</${action}Result><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></${action}Response>`;
    switch (action) {
      case "GetCallerIdentity":
        return wrap(
          "<Arn>arn:aws:iam::111122223333:user/quarterdeck</Arn><UserId>AIDA1</UserId><Account>111122223333</Account>",
        );
      case "AssumeRole": {
        const end = new Date(
          Math.floor(now().getTime() / 1_000) * 1_000 + Number(params.DurationSeconds) * 1_000,
        );
        return wrap(
          `<Credentials><AccessKeyId>ASIA${asked.length}</AccessKeyId><SecretAccessKey>${"s".repeat(40)}</SecretAccessKey><SessionToken>${"t".repeat(100)}</SessionToken><Expiration>${end.toISOString().replace(".000", "")}</Expiration></Credentials><AssumedRoleUser><Arn>a</Arn><AssumedRoleId>AROA1:${params.RoleSessionName}</AssumedRoleId></AssumedRoleUser>`,
        );
      }
      case "ListRolePolicies":
        return wrap(
          `<PolicyNames>${[...own.keys()].map((name) => `<member>${name}</member>`).join("")}</PolicyNames><IsTruncated>false</IsTruncated>`,
        );
      case "PutRolePolicy":
        policies.set(
          params.RoleName ?? "",
          new Map(own).set(params.PolicyName ?? "", params.PolicyDocument ?? ""),
        );
        return wrap("");
      case "DeleteRolePolicy":
        return own.delete(params.PolicyName ?? "") ? wrap("") : undefined;
      default:
        throw new Error(`${action} is none of the calls this accessor makes`);
    }
  };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const body = Buffer.concat(chunks).toString("utf8");
      const service = signedFor(request, body, keys);
      const send = (status: number, text: string) =>
        response.writeHead(status, { "content-type": "text/xml" }).end(text);
      if (service === undefined) return void send(403, errorOf("SignatureDoesNotMatch", "not the key's"));
      const {
        Action: action = "",
        Version: _version,
        ...params
      } = Object.fromEntries(new URLSearchParams(body));
      const call = { action, service, params };
      asked.push(call);
      const refusal = refusals.shift();
      if (refusal) return void send(refusal.status, errorOf(refusal.code, refusal.message));
      const answer = answerOf(call);
      if (toLose > 0) {
        toLose -= 1;
        return;
      }
      send(answer === undefined ? 404 : 200, answer ?? errorOf("NoSuchEntity", "it is not there"));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    policies,
    refuseNext: (code, message, status = 400) => void refusals.push({ code, message, status }),
    loseNext: () => {
      toLose += 1;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
