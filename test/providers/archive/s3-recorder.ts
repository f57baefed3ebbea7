/**
 * A strict server in the place of S3 with Object Lock: checks the signature of every request as S3 would, takes only
 * locked objects, keeps versions and pages them by three. Sources: Amazon S3 user guide, "Authenticating Requests: Using
 * the Authorization Header"; API references of PutObject, ListObjectVersions, GetObjectRetention.
 */
import { createHash, createHmac } from "node:crypto";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";

interface Version {
  id: string;
  bytes: Buffer;
  mode: string | undefined;
  until: string | undefined;
}

export interface S3Recorder {
  url: string;
  /** `PUT bucket/key`, in order. */
  asked: string[];
  /** Headers of the last PUT. */
  lastPut: IncomingMessage["headers"];
  /** Puts a version over an object as somebody with the right to write could. */
  putOver(key: string, bytes: Buffer): void;
  /** From now on locks are taken and not made. */
  forgetLocks(): void;
  close(): Promise<void>;
}

const sha256 = (bytes: Buffer | string): Buffer => createHash("sha256").update(bytes).digest();
const hmac = (key: string | Buffer, text: string): Buffer => createHmac("sha256", key).update(text).digest();
const pageSize = 3;

const encoded = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);

/** Whether the request is signed by that key, over its headers, its query and these bytes. */
function isSigned(
  request: IncomingMessage,
  url: URL,
  body: Buffer,
  keys: { id: string; secret: string },
): boolean {
  const [, id, day, region, headers, signature] =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$/.exec(
      request.headers.authorization ?? "",
    ) ?? [];
  const payload = String(request.headers["x-amz-content-sha256"] ?? "");
  if (id !== keys.id || !day || !region || !headers || payload !== sha256(body).toString("hex")) return false;
  const query = [...url.searchParams]
    .map(([name, value]) => `${encoded(name)}=${encoded(value)}`)
    .sort()
    .join("&");
  const canonical = [
    request.method,
    url.pathname,
    query,
    ...headers.split(";").map((name) => `${name}:${String(request.headers[name] ?? "").trim()}`),
    "",
    headers,
    payload,
  ].join("\n");
  const scope = `${day}/${region}/s3/aws4_request`;
  const toSign = [
    "AWS4-HMAC-SHA256",
    request.headers["x-amz-date"],
    scope,
    sha256(canonical).toString("hex"),
  ].join("\n");
  const key = hmac(hmac(hmac(hmac(`AWS4${keys.secret}`, day), region), "s3"), "aws4_request");
  return hmac(key, toSign).toString("hex") === signature;
}

const error = (code: string): string =>
  `<?xml version="1.0"?><Error><Code>${code}</Code><Message>${code}</Message></Error>`;

export async function startS3Recorder(
  bucket: string,
  keys: { id: string; secret: string },
): Promise<S3Recorder> {
  const objects = new Map<string, Version[]>();
  const asked: string[] = [];
  let made = 0;
  let forgets = false;
  let lastPut: IncomingMessage["headers"] = {};

  const add = (key: string, version: Omit<Version, "id">) => {
    made += 1;
    // Newest first, as S3 lists them.
    objects.set(key, [{ id: `v${made}`, ...version }, ...(objects.get(key) ?? [])]);
  };

  const put = (key: string, request: IncomingMessage, body: Buffer): [number, string] => {
    lastPut = request.headers;
    const { headers } = request;
    if (headers["x-amz-checksum-sha256"] !== sha256(body).toString("base64"))
      return [400, error("BadDigest")];
    if (headers["x-amz-object-lock-mode"] !== "COMPLIANCE") return [400, error("InvalidRequest")];
    if (headers["if-none-match"] !== "*") return [400, error("NotImplemented")];
    if (objects.has(key)) return [412, error("PreconditionFailed")];
    const until = String(headers["x-amz-object-lock-retain-until-date"]);
    add(key, { bytes: body, mode: forgets ? undefined : "COMPLIANCE", until: forgets ? undefined : until });
    return [200, ""];
  };

  const list = (query: URLSearchParams): string => {
    const marker = query.get("key-marker") ?? "";
    const versionMarker = query.get("version-id-marker");
    const all = [...objects]
      .filter(([key]) => key.startsWith(query.get("prefix") ?? ""))
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .flatMap(([key, versions]) => versions.map(({ id }) => ({ key, id })));
    const from =
      marker === ""
        ? 0
        : versionMarker === null
          ? all.findIndex(({ key }) => key > marker)
          : all.findIndex(({ key, id }) => key === marker && id === versionMarker) + 1;
    const rest = from < 0 ? [] : all.slice(from);
    const page = rest.slice(0, pageSize);
    const last = page.at(-1);
    const isTruncated = rest.length > pageSize;
    return `<?xml version="1.0"?><ListVersionsResult><Name>${bucket}</Name><IsTruncated>${isTruncated}</IsTruncated>${
      isTruncated && last
        ? `<NextKeyMarker>${last.key}</NextKeyMarker><NextVersionIdMarker>${last.id}</NextVersionIdMarker>`
        : ""
    }${page.map(({ key, id }) => `<Version><Key>${key}</Key><VersionId>${id}</VersionId></Version>`).join("")}</ListVersionsResult>`;
  };

  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const body = Buffer.concat(chunks);
      const url = new URL(request.url ?? "/", "http://s3.test");
      asked.push(`${request.method} ${url.pathname}`);
      const send = (status: number, text: string | Buffer) =>
        response.writeHead(status, { "content-type": "application/xml" }).end(text);
      if (!isSigned(request, url, body, keys)) return void send(403, error("SignatureDoesNotMatch"));
      if (url.pathname.split("/")[1] !== bucket) return void send(404, error("NoSuchBucket"));
      const key = decodeURIComponent(url.pathname.slice(bucket.length + 2));
      if (request.method === "PUT") return void send(...put(key, request, body));
      if (request.method !== "GET") return void send(405, error("MethodNotAllowed"));
      if (url.searchParams.has("versions")) return void send(200, list(url.searchParams));
      const version = objects.get(key)?.find(({ id }) => id === url.searchParams.get("versionId"));
      if (!version) return void send(404, error("NoSuchVersion"));
      if (!url.searchParams.has("retention")) return void send(200, version.bytes);
      if (!version.mode) return void send(404, error("NoSuchObjectLockConfiguration"));
      send(
        200,
        `<?xml version="1.0"?><Retention><Mode>${version.mode}</Mode><RetainUntilDate>${version.until}</RetainUntilDate></Retention>`,
      );
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    get lastPut() {
      return lastPut;
    },
    putOver: (key, bytes) => add(key, { bytes, mode: undefined, until: undefined }),
    forgetLocks: () => {
      forgets = true;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
