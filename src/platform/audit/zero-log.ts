/** The audit holds no secret: what looks like one is replaced before the entry is written, since no entry can be changed after. */
import { holdsKnownSecret, holdsSecret } from "../secret-words.ts";
import type { AuditEntry } from "./append.ts";

export const replaced = "[looked like a secret]";

export function withoutSecrets(entry: AuditEntry): AuditEntry {
  const { reason, detail, subject } = entry;
  return {
    ...entry,
    subject: holdsKnownSecret(subject) ? replaced : subject,
    reason: reason !== undefined && holdsSecret(reason) ? replaced : reason,
    detail: detail && (clean(detail) as Record<string, unknown>),
  };
}

/** Long words that only look random are left: digests, versions and addresses are such. */
function clean(value: unknown): unknown {
  if (typeof value === "string") return holdsKnownSecret(value) ? replaced : value;
  if (Array.isArray(value)) return value.map(clean);
  if (value === null || typeof value !== "object" || value instanceof Date) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, clean(item)]));
}
