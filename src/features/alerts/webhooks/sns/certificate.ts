/**
 * Whether a certificate is one SNS signs with: valid now, issued to SNS, and, where it names its issuer, that this one
 * stands under a root that Node trusts. Pure.
 * Names: AWS SDK for Java v2, sns-message-manager; roots and issuers: Amazon Trust Services repository.
 */
import { type KeyObject, X509Certificate } from "node:crypto";

export type CheckedCertificate = { key: KeyObject; validTo: Date } | { why: string };

/** `sns.amazonaws.com`, `sns.<region>…`, `sns-signing.<region>…`, `sns-<region>…`, with or without `.cn`. */
const snsName = /^sns(?:-signing)?(?:[.-][a-z0-9-]+)*\.amazonaws\.com(?:\.cn)?$/;
const issuerHost = /^http:\/\/[a-z0-9-]+(?:\.[a-z0-9-]+)*\.amazontrust\.com\/[\w./-]+$/;

/** Where the issuer's certificate can be got; undefined when it names none that is Amazon's. */
export function issuerUrlOf(leaf: X509Certificate): string | undefined {
  const urls = [...(leaf.infoAccess ?? "").matchAll(/CA Issuers - URI:(\S+)/g)].map(([, url]) => url ?? "");
  return urls.find((url) => issuerHost.test(url));
}

export function parseCertificate(bytes: Buffer): X509Certificate | undefined {
  try {
    return new X509Certificate(bytes);
  } catch {
    return undefined;
  }
}

/** `issuer`: undefined when it could not be got; then the address the certificate was read from vouches alone. */
export function checkCertificate(
  leaf: X509Certificate,
  issuer: X509Certificate | undefined,
  roots: readonly X509Certificate[],
  now: Date,
): CheckedCertificate {
  if (!isValidAt(leaf, now))
    return { why: `its certificate is valid from ${leaf.validFrom} to ${leaf.validTo}` };
  if (!namesOf(leaf).some((name) => snsName.test(name)))
    return { why: "its certificate was not issued to SNS" };
  if (leaf.publicKey.asymmetricKeyType !== "rsa") return { why: "its certificate holds no RSA key" };
  if (issuer !== undefined) {
    if (!issuer.ca || !isValidAt(issuer, now) || !isIssuedBy(leaf, issuer))
      return { why: "its certificate was not issued by whom it names" };
    if (!roots.some((root) => isIssuedBy(issuer, root)))
      return { why: "the issuer of its certificate stands under no root known here" };
  }
  return { key: leaf.publicKey, validTo: new Date(leaf.validTo) };
}

const isIssuedBy = (child: X509Certificate, parent: X509Certificate): boolean =>
  child.checkIssued(parent) && child.verify(parent.publicKey);

const isValidAt = ({ validFrom, validTo }: X509Certificate, now: Date): boolean =>
  new Date(validFrom) <= now && now <= new Date(validTo);

function namesOf({ subject, subjectAltName }: X509Certificate): string[] {
  const alternative = [...(subjectAltName ?? "").matchAll(/DNS:([^,\s]+)/g)].map(([, name]) => name ?? "");
  const common = /^CN=(.+)$/m.exec(subject ?? "")?.[1];
  return [...alternative, ...(common === undefined ? [] : [common])].map((name) => name.toLowerCase());
}
