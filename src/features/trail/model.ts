/** What may be asked of the audit, and one entry as it is read back. Pure. */
import { formatDuration } from "../../platform/commands/time.ts";

/** Name of the entry that says who read the audit. */
export const readAction = "audit.read";

export interface AuditFilter {
  since?: Date | undefined;
  until?: Date | undefined;
  service?: string | undefined;
  /** Exact: `G-3`, a name. */
  subject?: string | undefined;
  /** Slack accounts of one person. */
  people?: readonly { team: string; person: string }[] | undefined;
  /** Exact, or a noun: `rollout` finds `rollout.started`. */
  action?: string | undefined;
  /** What the subject begins with or the action holds; capitals count in subjects only. */
  text?: string | undefined;
  limit: number;
}

export interface AuditLine {
  seq: number;
  at: Date;
  team: string;
  person: string;
  /** Undefined for whom no name is kept: a stranger, or one who was erased. */
  name: string | undefined;
  door: string | undefined;
  action: string;
  subject: string;
  service: string | undefined;
  reason: string | undefined;
  before: string | undefined;
  after: string | undefined;
  detail: Record<string, unknown> | undefined;
  /** Digest of the catalog in force. */
  catalog: string | undefined;
  correlation: string | undefined;
  /** The stored bytes, and the chain's hash after them; null for one that is not chained yet. */
  body: string;
  hash: Buffer | null;
}

export interface AuditPage {
  /** Newest first. */
  lines: readonly AuditLine[];
  /** Give it as `before` for the page of older ones; undefined: there are none. */
  next: number | undefined;
}

/** The filter as the audit keeps it: what was looked for, without how far back in time it was paged. */
export function filterDetail(
  filter: Omit<AuditFilter, "limit" | "since" | "until">,
  sinceMs: number | undefined,
): Record<string, unknown> {
  const { service, subject, people, action, text } = filter;
  return JSON.parse(
    JSON.stringify({
      service,
      subject,
      people: people?.map(({ team, person }) => `${team}:${person}`),
      action,
      text,
      since: sinceMs === undefined ? undefined : formatDuration(sinceMs),
    }),
  ) as Record<string, unknown>;
}
