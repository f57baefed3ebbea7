/** Certificates as SNS has them and as it does not, made with openssl, and messages signed with their keys. */
import { execFileSync } from "node:child_process";
import { createPrivateKey, type KeyObject, sign, X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type SnsEnvelope, stringToSign } from "../../../../../src/features/alerts/webhooks/sns/envelope.ts";

export const topic = "arn:aws:sns:eu-west-1:123456789012:alarms";
export const certificateUrl =
  "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem";

export interface Certified {
  pem: Buffer;
  certificate: X509Certificate;
  key: KeyObject;
}

/** A folder for what openssl writes, gone when `make` is done. */
export function inFolder<Made>(make: (folder: string) => Made): Made {
  const folder = mkdtempSync(join(tmpdir(), "quarterdeck-test-"));
  try {
    return make(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** `issuer`: signed by that one's key, naming where its certificate can be got; else self-signed. */
export function certify(
  folder: string,
  name: string,
  subject: string,
  options: { issuer?: string; ca?: boolean } = {},
): Certified {
  const path = (ending: string, of = name) => join(folder, `${of}.${ending}`);
  const openssl = (...args: string[]) => execFileSync("openssl", args, { stdio: "pipe" });
  writeFileSync(
    path("cnf"),
    [
      "[v3]",
      `basicConstraints=critical,CA:${options.ca ? "true" : "false"}`,
      ...(options.ca ? [] : [`subjectAltName=DNS:${subject}`]),
      ...(options.issuer
        ? ["authorityInfoAccess=caIssuers;URI:http://crt.test.amazontrust.com/issuer.cer"]
        : []),
    ].join("\n"),
  );
  openssl(
    "req",
    "-new",
    "-newkey",
    "rsa:2048",
    "-nodes",
    "-subj",
    `/CN=${subject}`,
    "-keyout",
    path("key"),
    "-out",
    path("csr"),
  );
  openssl(
    ..."x509 -req -days 3650 -extensions v3".split(" "),
    ...["-in", path("csr"), "-extfile", path("cnf"), "-out", path("pem")],
    ...(options.issuer
      ? ["-CA", path("pem", options.issuer), "-CAkey", path("key", options.issuer), "-set_serial", "7"]
      : ["-signkey", path("key")]),
  );
  const pem = readFileSync(path("pem"));
  return { pem, certificate: new X509Certificate(pem), key: createPrivateKey(readFileSync(path("key"))) };
}

/** A time at which a certificate made just now is valid for sure. */
export const dayAfter = ({ certificate }: Certified): Date =>
  new Date(new Date(certificate.validFrom).getTime() + 86_400_000);

export function signed(
  key: KeyObject,
  fields: Partial<SnsEnvelope> & { Timestamp: string },
  version = "1",
): SnsEnvelope {
  const envelope: SnsEnvelope = {
    Type: "Notification",
    MessageId: "m-1",
    TopicArn: topic,
    Message: "hello",
    SignatureVersion: version,
    SigningCertURL: certificateUrl,
    ...fields,
  };
  const signature = sign(
    version === "1" ? "RSA-SHA1" : "RSA-SHA256",
    Buffer.from(stringToSign(envelope)),
    key,
  );
  return { ...envelope, Signature: signature.toString("base64") };
}
