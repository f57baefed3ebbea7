import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createS3Archive, s3PlaceOf } from "../../../src/providers/archive/s3.ts";
import { type S3Recorder, startS3Recorder } from "./s3-recorder.ts";
import { archiveSuite } from "./suite.ts";

const keys = { id: "AKIATEST", secret: "secret-of-the-test" };
const until = new Date("2027-02-23T10:00:00.000Z");
const openAt = (url: string, secret = keys.secret, requestMs = 10_000) =>
  createS3Archive(
    { bucket: "audit-bucket", prefix: "prod/" },
    {
      region: "eu-central-1",
      endpoint: url,
      credentials: { accessKeyId: keys.id, secretAccessKey: secret },
      requestMs,
    },
  );

archiveSuite("a bucket with Object Lock", async () => {
  const s3 = await startS3Recorder("audit-bucket", keys);
  const archive = openAt(s3.url);
  return {
    archive,
    close: async () => {
      await archive.close();
      await s3.close();
    },
  };
});

describe("a bucket with Object Lock", () => {
  let s3: S3Recorder;
  beforeAll(async () => {
    s3 = await startS3Recorder("audit-bucket", keys);
  });
  afterAll(() => s3.close());

  it("is asked for compliance mode until the day that was said, once, with a checksum", async () => {
    await openAt(s3.url).put("seals/000000/0000000001.json", Buffer.from("{}"), until);
    expect(s3.asked[0]).toBe("PUT /audit-bucket/prod/seals/000000/0000000001.json");
    expect(s3.lastPut).toMatchObject({
      "x-amz-object-lock-mode": "COMPLIANCE",
      "x-amz-object-lock-retain-until-date": "2027-02-23T10:00:00Z",
      "if-none-match": "*",
      "x-amz-checksum-sha256": "RBNvo1WzZ4oRRq0W9+hknpT7T8If536DEMBg9hyq/4o=",
    });
  });

  it("gives the oldest version, whatever was put over it", async () => {
    for (let more = 0; more < 5; more += 1)
      s3.putOver("prod/seals/000000/0000000001.json", Buffer.from(`forged ${more}`));
    const archive = openAt(s3.url);
    expect((await archive.get("seals/000000/0000000001.json"))?.toString()).toBe("{}");
    const names: string[] = [];
    for await (const name of archive.list("seals/")) names.push(name);
    expect(names).toEqual(["seals/000000/0000000001.json"]);
  });

  it("is refused when the lock that was asked for was not made", async () => {
    const forgetful = await startS3Recorder("audit-bucket", keys);
    try {
      forgetful.forgetLocks();
      await expect(openAt(forgetful.url).put("keys/a.pem", Buffer.from("a"), until)).rejects.toMatchObject({
        code: expect.stringMatching(/not-locked|refused/),
      });
    } finally {
      await forgetful.close();
    }
  });

  it("says that it was refused, and that it cannot be reached, without a secret", async () => {
    const refused = await openAt(s3.url, "another secret")
      .get("keys/a.pem")
      .catch((error: unknown) => error);
    expect(refused).toMatchObject({
      code: "refused",
      message: expect.stringContaining("s3://audit-bucket/prod/"),
    });
    expect(JSON.stringify(refused)).not.toContain("another secret");
    await expect(openAt("http://127.0.0.1:1").get("keys/a.pem")).rejects.toMatchObject({
      code: "unreachable",
    });
  });

  it("is waited for no longer than its deadline when it accepts and stays silent", async () => {
    const silent = createServer().listen(0, "127.0.0.1");
    await once(silent, "listening");
    const archive = openAt(`http://127.0.0.1:${(silent.address() as AddressInfo).port}`, keys.secret, 100);
    try {
      await expect(archive.get("keys/a.pem")).rejects.toMatchObject({ code: "unreachable" });
    } finally {
      await archive.close();
      silent.close();
    }
  }, 5_000);

  it.each([
    ["s3://audit-bucket", { bucket: "audit-bucket", prefix: "" }],
    ["s3://audit-bucket/", { bucket: "audit-bucket", prefix: "" }],
    ["s3://audit-bucket/prod", { bucket: "audit-bucket", prefix: "prod/" }],
    ["s3://audit-bucket/a/b/", { bucket: "audit-bucket", prefix: "a/b/" }],
  ])("is read from %s", (address, place) => expect(s3PlaceOf(address)).toEqual(place));

  it.each([["s3:bucket"], ["s3://"], ["s3:///prefix"], ["s3://Bucket_1/x"]])(
    "is not read from %s",
    (address) => expect(() => s3PlaceOf(address)).toThrow("names no bucket"),
  );
});
