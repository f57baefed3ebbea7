import { X509Certificate } from "node:crypto";
import { rootCertificates } from "node:tls";
import { beforeAll, describe, expect, it } from "vitest";
import type { HookSource } from "../../../../../src/catalog/hook-sources.ts";
import {
  checkCertificate,
  issuerUrlOf,
} from "../../../../../src/features/alerts/webhooks/sns/certificate.ts";
import {
  type SnsEnvelope,
  snsUrl,
  stringToSign,
} from "../../../../../src/features/alerts/webhooks/sns/envelope.ts";
import { createSnsProver, type FetchBytes } from "../../../../../src/features/alerts/webhooks/sns/prove.ts";
import {
  type Certified,
  certificateUrl,
  certify,
  dayAfter,
  inFolder,
  signed as signedAt,
  topic,
} from "./authority.ts";

const source: HookSource = { name: "aws", kind: "sns", team: "storefront", topics: [topic] };
let sns: Certified;
let stranger: Certified;
let root: Certified;
let issued: Certified;
let now: Date;

beforeAll(() => {
  inFolder((folder) => {
    sns = certify(folder, "sns", "sns.amazonaws.com");
    stranger = certify(folder, "stranger", "evil.example.com");
    root = certify(folder, "root", "Test Root", { ca: true });
    issued = certify(folder, "issued", "sns.eu-west-1.amazonaws.com", { issuer: "root" });
  });
  now = dayAfter(sns);
});

const signed = (key: Certified["key"], fields: Partial<SnsEnvelope>, version?: string) =>
  signedAt(key, { Timestamp: now.toISOString(), ...fields }, version);

/** Answers certificates by address, and counts how often it is asked. */
function shelf(answers: Record<string, Buffer>): FetchBytes & { asked: string[] } {
  const asked: string[] = [];
  return Object.assign(
    async (url: URL) => {
      asked.push(url.href);
      const found = answers[url.href];
      if (found === undefined) throw new Error("nobody answers");
      return found;
    },
    { asked },
  );
}
const proof = (envelope: object, fetchBytes: FetchBytes = shelf({ [certificateUrl]: sns.pem }), at = now) =>
  createSnsProver(fetchBytes)(source, {
    headers: {},
    body: Buffer.from(JSON.stringify(envelope)),
    receivedAt: at,
  });

describe("what is signed", () => {
  it("is each field's name and value on lines of their own, in the order SNS names, without what did not come", () => {
    const envelope = {
      Type: "Notification",
      MessageId: "1",
      TopicArn: "t",
      Message: "a\nb",
      Timestamp: "now",
    } as SnsEnvelope;
    expect(stringToSign(envelope)).toBe(
      "Message\na\nb\nMessageId\n1\nTimestamp\nnow\nTopicArn\nt\nType\nNotification\n",
    );
    expect(stringToSign({ ...envelope, Subject: "s" })).toContain("MessageId\n1\nSubject\ns\nTimestamp\n");
    expect(
      stringToSign({
        ...envelope,
        Type: "SubscriptionConfirmation",
        Subject: "s",
        Token: "k",
        SubscribeURL: "u",
      }),
    ).toBe(
      "Message\na\nb\nMessageId\n1\nSubscribeURL\nu\nTimestamp\nnow\nToken\nk\nTopicArn\nt\nType\nSubscriptionConfirmation\n",
    );
  });
});

describe("addresses of SNS", () => {
  it.each([
    ["https://sns.eu-west-1.amazonaws.com/x.pem", true],
    ["https://sns.cn-north-1.amazonaws.com.cn/x.pem", true],
    ["http://sns.eu-west-1.amazonaws.com/x.pem", false],
    ["https://sns.eu-west-1.amazonaws.com:8443/x.pem", false],
    ["https://me@sns.eu-west-1.amazonaws.com/x.pem", false],
    ["https://sns.eu-west-1.amazonaws.com.evil.example/x.pem", false],
    ["https://evil.example/sns.eu-west-1.amazonaws.com/x.pem", false],
    ["https://xsns.eu-west-1.amazonaws.com/x.pem", false],
    ["https://s3.eu-west-1.amazonaws.com/x.pem", false],
    ["sns.eu-west-1.amazonaws.com", false],
    [undefined, false],
  ])("%s: %s", (address, isOurs) => {
    expect(snsUrl(address) !== undefined).toBe(isOurs);
  });
});

describe("a message", () => {
  it("is proven by its signature, version 1 or 2, and belongs to the source's team", async () => {
    for (const version of ["1", "2"])
      expect(await proof(signed(sns.key, { Subject: "s" }, version))).toEqual({
        state: "proven",
        team: "storefront",
      });
  });

  it.each<[string, () => object]>([
    ["a message changed on its way", () => ({ ...signed(sns.key, {}), Message: "other" })],
    ["a subject added", () => ({ ...signed(sns.key, {}), Subject: "x" })],
    ["somebody else's key", () => signed(stranger.key, {})],
    ["no signature", () => ({ ...signed(sns.key, {}), Signature: undefined })],
    ["another version", () => ({ ...signed(sns.key, {}), SignatureVersion: "3" })],
    ["version 2's name over version 1's digest", () => ({ ...signed(sns.key, {}), SignatureVersion: "2" })],
    ["a certificate from elsewhere", () => signed(sns.key, { SigningCertURL: "https://evil.example/x.pem" })],
    [
      "a certificate that is none",
      () => signed(sns.key, { SigningCertURL: certificateUrl.replace(".pem", ".txt") }),
    ],
    ["a topic nobody listed", () => signed(sns.key, { TopicArn: `${topic}-of-others` })],
    [
      "a time more than a day ago",
      () => signed(sns.key, { Timestamp: new Date(now.getTime() - 86_400_001).toISOString() }),
    ],
    ["a time ahead", () => signed(sns.key, { Timestamp: new Date(now.getTime() + 400_000).toISOString() })],
    ["raw delivery", () => ({ AlarmName: "x", NewStateValue: "ALARM" })],
  ])("is refused for %s", async (_what, envelope) => {
    expect(await proof(envelope())).toMatchObject({ state: "refused", why: expect.any(String) });
  });

  it("is refused when the certificate at that address was issued to somebody else", async () => {
    const fetchBytes = shelf({ [certificateUrl]: stranger.pem });
    expect(await proof(signed(stranger.key, {}), fetchBytes)).toMatchObject({
      state: "refused",
      why: "its certificate was not issued to SNS",
    });
  });

  it("of a topic nobody listed costs no call", async () => {
    const fetchBytes = shelf({});
    await proof(signed(sns.key, { TopicArn: `${topic}-of-others` }), fetchBytes);
    expect(fetchBytes.asked).toEqual([]);
  });

  it("is to come again while the certificate cannot be read, and a certificate is read once for many", async () => {
    await expect(proof(signed(sns.key, {}), shelf({}))).rejects.toThrow("nobody answers");
    const fetchBytes = shelf({ [certificateUrl]: sns.pem });
    const prove = createSnsProver(fetchBytes);
    const body = Buffer.from(JSON.stringify(signed(sns.key, {})));
    await Promise.all(
      Array.from({ length: 20 }, () => prove(source, { headers: {}, body, receivedAt: now })),
    );
    expect(fetchBytes.asked).toEqual([certificateUrl]);
  });
});

describe("a certificate", () => {
  it("must be valid now", () => {
    for (const days of [-2, 3651])
      expect(
        checkCertificate(sns.certificate, undefined, [], new Date(now.getTime() + days * 86_400_000)),
      ).toHaveProperty("why");
  });

  it("that names its issuer must be issued by it, under a root known here", () => {
    expect(issuerUrlOf(issued.certificate)).toBe("http://crt.test.amazontrust.com/issuer.cer");
    expect(issuerUrlOf(sns.certificate)).toBeUndefined();
    expect(checkCertificate(issued.certificate, root.certificate, [root.certificate], now)).toHaveProperty(
      "key",
    );
    const trusted = rootCertificates.slice(0, 5).map((pem) => new X509Certificate(pem));
    expect(checkCertificate(issued.certificate, root.certificate, trusted, now)).toHaveProperty("why");
    expect(checkCertificate(issued.certificate, sns.certificate, [sns.certificate], now)).toHaveProperty(
      "why",
    );
  });

  it("whose issuer answers and stands under no root proves nothing; one that cannot be reached is no hindrance", async () => {
    const message = signed(issued.key, {});
    const alone = shelf({ [certificateUrl]: issued.pem });
    expect(await proof(message, alone)).toMatchObject({ state: "proven" });
    const withIssuer = shelf({
      [certificateUrl]: issued.pem,
      "http://crt.test.amazontrust.com/issuer.cer": root.pem,
    });
    expect(await proof(message, withIssuer)).toMatchObject({ state: "refused" });
  });
});
