import {
  GetObjectCommand,
  GetObjectRetentionCommand,
  ListObjectVersionsCommand,
  type ListObjectVersionsCommandOutput,
  PutObjectCommand,
  S3Client,
  S3ServiceException,
} from "@aws-sdk/client-s3";
import { type Archive, type ArchiveCode, ArchiveError } from "../../platform/audit/archive.ts";

const requestMsMost = 10_000;
/** Clocks of ours and of the store may differ; a lock that ends so much earlier than asked for still counts. */
const skewMs = 60_000;

export interface S3Place {
  bucket: string;
  /** With a slash at the end, or empty. */
  prefix: string;
}

/** `s3://bucket/some/prefix`. Throws a TypeError for one that names no bucket. */
export function s3PlaceOf(address: string): S3Place {
  const [, bucket = "", prefix = ""] = /^s3:\/\/([^/]*)\/*(.*)$/.exec(address) ?? [];
  if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(bucket))
    throw new TypeError(`${address} names no bucket: write s3://bucket or s3://bucket/prefix`);
  return { bucket, prefix: prefix === "" || prefix.endsWith("/") ? prefix : `${prefix}/` };
}

/**
 * A bucket with Object Lock: each object is locked in compliance mode, which nobody shortens or lifts. An object put
 * over another, or deleted, is a newer version; the oldest one is what counts.
 * Source: Amazon S3 user guide, "Locking objects with Object Lock".
 */
export function createS3Archive(
  { bucket, prefix }: S3Place,
  options: {
    region: string;
    endpoint?: string | undefined;
    credentials?: { accessKeyId: string; secretAccessKey: string } | undefined;
    /** Longest one request may take, connecting included; milliseconds. */
    requestMs?: number;
  },
): Archive {
  const { requestMs = requestMsMost } = options;
  const client = new S3Client({
    region: options.region,
    ...(options.credentials ? { credentials: options.credentials } : {}),
    // Stores that are not AWS' own seldom have a name per bucket.
    ...(options.endpoint === undefined ? {} : { endpoint: options.endpoint, forcePathStyle: true }),
    maxAttempts: 2,
    requestHandler: {
      connectionTimeout: requestMs,
      requestTimeout: requestMs,
      socketTimeout: requestMs,
      // Without it the SDK warns and goes on waiting.
      throwOnRequestTimeout: true,
    },
  });
  const place = `s3://${bucket}/${prefix}`;
  const ask = async <T>(what: () => Promise<T>): Promise<T> => {
    try {
      return await what();
    } catch (cause) {
      throw troubleOf(place, cause);
    }
  };

  /** Oldest version of an object; delete markers are none. */
  const oldest = async (name: string): Promise<string | undefined> => {
    let version: string | undefined;
    for await (const page of versions(name))
      for (const { Key, VersionId } of page.Versions ?? []) {
        if (Key !== `${prefix}${name}`) return version;
        // Newest first.
        version = VersionId;
      }
    return version;
  };

  async function* versions(start: string, after?: string): AsyncGenerator<ListObjectVersionsCommandOutput> {
    let keyMarker = after === undefined ? undefined : `${prefix}${after}`;
    let versionMarker: string | undefined;
    for (;;) {
      const page = await ask(() =>
        client.send(
          new ListObjectVersionsCommand({
            Bucket: bucket,
            Prefix: `${prefix}${start}`,
            KeyMarker: keyMarker,
            VersionIdMarker: versionMarker,
          }),
        ),
      );
      yield page;
      if (!page.IsTruncated) return;
      keyMarker = page.NextKeyMarker;
      versionMarker = page.NextVersionIdMarker;
    }
  }

  const read = async (name: string): Promise<{ bytes: Buffer; version: string } | undefined> => {
    const version = await oldest(name);
    if (version === undefined) return undefined;
    const bytes = await ask(async () => {
      const { Body } = await client.send(
        new GetObjectCommand({ Bucket: bucket, Key: `${prefix}${name}`, VersionId: version }),
      );
      return Buffer.from((await Body?.transformToByteArray()) ?? []);
    });
    return { bytes, version };
  };

  const assertLocked = async (name: string, version: string, until: Date | undefined): Promise<void> => {
    const { Retention } = await ask(() =>
      client.send(
        new GetObjectRetentionCommand({ Bucket: bucket, Key: `${prefix}${name}`, VersionId: version }),
      ),
    );
    const untilMs = Retention?.RetainUntilDate?.getTime() ?? 0;
    if (Retention?.Mode === "COMPLIANCE" && untilMs >= (until?.getTime() ?? 0) - skewMs) return;
    throw new ArchiveError(
      "not-locked",
      `${place}${name} is not locked in compliance mode as long as it was asked for.`,
      "The bucket must be made with Object Lock.",
    );
  };

  return {
    place,
    get: async (name) => (await read(name))?.bytes,
    async put(name, bytes, until) {
      const isNew = await ask(() =>
        client
          .send(
            new PutObjectCommand({
              Bucket: bucket,
              Key: `${prefix}${name}`,
              Body: bytes,
              ContentType: "application/octet-stream",
              ChecksumAlgorithm: "SHA256",
              IfNoneMatch: "*",
              ObjectLockMode: "COMPLIANCE",
              ObjectLockRetainUntilDate: until,
            }),
          )
          .then(
            () => true,
            (error: unknown) => {
              if (statusOf(error) === 412) return false;
              throw error;
            },
          ),
      );
      const kept = await read(name);
      if (!kept?.bytes.equals(bytes))
        throw new ArchiveError(
          "taken",
          `${place}${name} holds something else.`,
          "The archive has entries that this database has not: `quarterdeck audit verify` says more.",
        );
      // What stood there already was locked when it was put; its end may be before this one.
      await assertLocked(name, kept.version, isNew ? until : undefined);
    },
    async *list(start, after) {
      let last = "";
      for await (const page of versions(start, after))
        for (const { Key = "" } of page.Versions ?? []) {
          const name = Key.slice(prefix.length);
          if (name === last || (after !== undefined && name <= after)) continue;
          last = name;
          yield name;
        }
    },
    close: async () => client.destroy(),
  };
}

const statusOf = (error: unknown): number | undefined =>
  error instanceof S3ServiceException ? error.$metadata.httpStatusCode : undefined;

function troubleOf(place: string, cause: unknown): unknown {
  if (cause instanceof ArchiveError) return cause;
  const status = statusOf(cause);
  const code: ArchiveCode = status !== undefined && status >= 400 && status < 500 ? "refused" : "unreachable";
  const why = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
  const hint =
    code === "refused"
      ? "Check the bucket, its Object Lock and the rights (docs/operations.md)."
      : "Check AUDIT_ARCHIVE_S3_ENDPOINT and AUDIT_ARCHIVE_S3_REGION, and that the store can be reached.";
  return new ArchiveError(
    code,
    `The archive ${place} ${code === "refused" ? "refused" : "cannot be reached"}: ${why}.`,
    hint,
    cause,
  );
}
