/** Whether SNS sent it: signature, certificate, topic and age, in that order of cost. */
import { X509Certificate } from "node:crypto";
import { rootCertificates } from "node:tls";
import type { HookSource } from "../../../../catalog/hook-sources.ts";
import type { HookAttempt, HookProof } from "../../../../platform/feature.ts";
import { jsonOf } from "../reader.ts";
import { timeOf } from "../times.ts";
import { type CheckedCertificate, checkCertificate, issuerUrlOf, parseCertificate } from "./certificate.ts";
import { envelopeSchema, isKnownVersion, isSignedBy, type SnsEnvelope, snsUrl } from "./envelope.ts";

/** Reads an address with GET, follows no redirect; throws when it does not answer 200. */
export type FetchBytes = (url: URL) => Promise<Buffer>;

/** SNS tries for an hour at most; older than this, what is signed was kept and sent again by somebody else. */
const ageMaxMs = 86_400_000;
const aheadMaxMs = 5 * 60_000;
/** Certificates remembered, for how long at most, and for how long that one is no good. */
const rememberedMax = 50;
const trustMs = 86_400_000;
const distrustMs = 60_000;

const refused = (why: string): HookProof => ({ state: "refused", why });

export function createSnsProver(
  fetchBytes: FetchBytes,
): (source: HookSource, attempt: HookAttempt) => Promise<HookProof> {
  const remembered = new Map<string, { until: number; found: Promise<CheckedCertificate> }>();
  let roots: readonly X509Certificate[] | undefined;
  const trustedRoots = () => {
    roots ??= rootCertificates.map((pem) => new X509Certificate(pem));
    return roots;
  };

  const readCertificate = async (url: URL, now: Date): Promise<CheckedCertificate> => {
    const leaf = parseCertificate(await fetchBytes(url));
    if (leaf === undefined) return { why: "its certificate cannot be read" };
    const issuerUrl = issuerUrlOf(leaf);
    // An issuer that cannot be reached proves nothing either way; the leaf came from SNS itself, over TLS.
    const issuer =
      issuerUrl === undefined
        ? undefined
        : await fetchBytes(new URL(issuerUrl)).then(parseCertificate, () => undefined);
    return checkCertificate(leaf, issuer, issuer === undefined ? [] : trustedRoots(), now);
  };

  const certificateAt = async (url: URL, now: Date): Promise<CheckedCertificate> => {
    const hit = remembered.get(url.href);
    if (hit !== undefined && hit.until > now.getTime()) return hit.found;
    if (remembered.size >= rememberedMax) remembered.clear();
    // Kept while it is under way, so that a storm fetches it once.
    const entry = { until: now.getTime() + distrustMs, found: readCertificate(url, now) };
    remembered.set(url.href, entry);
    try {
      const found = await entry.found;
      if ("key" in found) entry.until = Math.min(found.validTo.getTime(), now.getTime() + trustMs);
      return found;
    } catch (error) {
      remembered.delete(url.href);
      throw error;
    }
  };

  return async (source, { body, receivedAt }) => {
    const parsed = jsonOf(body);
    if ("problems" in parsed) return refused("the body is not JSON");
    const read = envelopeSchema.safeParse(parsed.json);
    if (!read.success) {
      const [issue] = read.error.issues;
      return refused(`${issue?.path.join(".") || "the body"} ${issue?.message}`);
    }
    const envelope = read.data;
    const why = mayNot(source, envelope, receivedAt);
    if (why !== undefined) return refused(why);
    const url = certificateUrl(envelope);
    if (url === undefined) return refused("SigningCertURL is no certificate of SNS");
    // A certificate that cannot be read now is a broken world: SNS is answered 503 and comes again.
    const certificate = await certificateAt(url, receivedAt);
    if ("why" in certificate) return refused(certificate.why);
    if (!isSignedBy(certificate.key, envelope)) return refused("Signature does not fit the message");
    return { state: "proven", team: source.team };
  };
}

/** What can be said before anything is fetched. */
function mayNot(source: HookSource, envelope: SnsEnvelope, now: Date): string | undefined {
  const { TopicArn: topic, Timestamp: sent, SignatureVersion: version, Signature: signature } = envelope;
  if (!(source.topics ?? []).includes(topic))
    return `topic ${topic.slice(0, 300)} is not among its topics in the catalog`;
  if (!isKnownVersion(version)) return "SignatureVersion must be 1 or 2";
  if (typeof signature !== "string" || signature === "") return "Signature is missing";
  const at = timeOf(sent);
  if (at === undefined) return "Timestamp is not a time";
  if (now.getTime() - at.getTime() > ageMaxMs) return "Timestamp is more than a day old";
  if (at.getTime() - now.getTime() > aheadMaxMs) return "Timestamp is ahead of this clock";
  return undefined;
}

function certificateUrl({ SigningCertURL: address }: SnsEnvelope): URL | undefined {
  const url = snsUrl(address);
  return url?.pathname.endsWith(".pem") && url.search === "" ? url : undefined;
}
