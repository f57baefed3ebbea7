import type { ColumnType, Generated } from "kysely";

type Timestamp = ColumnType<Date, Date | string, Date | string>;
type Json<T> = ColumnType<T, string, string>;

export type Lane = "urgent" | "normal" | "bulk";

/** The platform's own tables. A feature's tables are declared beside its store. */
export interface PlatformTables {
  rings: {
    id: Generated<string>;
    job: string;
    ref: string;
    lane: Lane;
    due_at: Timestamp;
    version: Generated<number>;
    attempts: Generated<number>;
    lease_until: Timestamp | null;
    rung_at: Timestamp | null;
    last_error: string | null;
    created_at: Timestamp;
  };
  inbox: {
    id: string;
    kind: "command" | "action" | "mention" | "view";
    dedup: string;
    payload: Json<unknown>;
    team: string;
    person: string;
    received_at: Timestamp;
    effect_at: Timestamp | null;
    done_at: Timestamp | null;
    answer: Json<unknown> | null;
  };
  messages: {
    key: string;
    kind: "post" | "ephemeral";
    channel: string;
    person: string | null;
    parent: string | null;
    reply_to: string | null;
    wanted: Json<unknown>;
    wanted_version: number;
    shown_version: Generated<number>;
    urgent: boolean;
    posted_channel: string | null;
    ts: string | null;
    posting_at: Timestamp | null;
    chart_digest: string | null;
    chart_file: string | null;
    chart_at: Timestamp | null;
    error: string | null;
    created_at: Timestamp;
    updated_at: Timestamp;
    /** Since when something wanted is not shown; null while what is shown is what is wanted. */
    behind_since: Timestamp | null;
  };
  slack_budget: { key: string; tokens: number; updated_at: Timestamp; blocked_until: Timestamp | null };
  audit: {
    seq: string;
    at: Timestamp;
    team: string;
    person: string;
    action: string;
    subject: string;
    service: string | null;
    body: string;
    hash: Buffer;
  };
  people_names: {
    team: string;
    person: string;
    name: string | null;
    since: Timestamp;
    erased_at: Timestamp | null;
  };
  audit_head: { id: number; seq: string; hash: Buffer };
  catalogs: {
    digest: string;
    content: Json<unknown>;
    source: string;
    loaded_by: string;
    loaded_at: Timestamp;
  };
  catalog_in_force: { id: number; digest: string; since: Timestamp };
  sessions: {
    id_hash: string;
    team: string;
    person: string;
    csrf: string;
    created_at: Timestamp;
    seen_at: Timestamp;
    expires_at: Timestamp;
    revoked_at: Timestamp | null;
    confirmed_at: Timestamp | null;
  };
  sign_in_links: {
    token_hash: string;
    team: string;
    person: string;
    next: string;
    expires_at: Timestamp;
    used_at: Timestamp | null;
  };
  hook_tokens: {
    id: string;
    source: string;
    team: string;
    token_hash: string;
    created_at: Timestamp;
    created_by: string;
    revoked_at: Timestamp | null;
    last_used_at: Timestamp | null;
  };
  public_ids: { kind: string; last: number };
  secrets: { id: string; sealed: Buffer; purpose: string; created_at: Timestamp; expires_at: Timestamp };
  workers: { id: string; role: string; seen_at: Timestamp };
}
