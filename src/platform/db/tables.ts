import type { ColumnType, Generated } from "kysely";

type Timestamp = ColumnType<Date, Date | string, Date | string>;
type Json<T> = ColumnType<T, string, string>;

export type Lane = "urgent" | "normal" | "bulk";

interface AuditColumns {
  seq: string;
  at: Timestamp;
  team: string;
  person: string;
  action: string;
  subject: string;
  service: string | null;
  body: string;
}

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
  /** A view: all entries. One that is not chained yet has the seq that it will have if nothing goes before it. */
  audit: AuditColumns & { hash: Buffer | null };
  audit_chained: AuditColumns & { hash: Buffer };
  audit_pending: Omit<AuditColumns, "seq" | "body"> & {
    id: Generated<string>;
    /** The body up to its `seq`, which it gets when it is chained, and behind it. */
    body_start: string;
    body_end: string;
  };
  people_names: {
    team: string;
    person: string;
    name: string | null;
    since: Timestamp;
    erased_at: Timestamp | null;
  };
  audit_head: { id: number; seq: string; hash: Buffer };
  audit_log: {
    id: number;
    log: string;
    /** When database and archive were last seen to agree. */
    compared_at: Timestamp | null;
    /** Since when nothing is chained, because the archive knows more than this database does. */
    held_at: Timestamp | null;
    held_why: string | null;
  };
  audit_seals: {
    number: string;
    seq: string;
    count: number;
    at: Timestamp;
    /** The seal as it is kept in the archive: canonical JSON. */
    body: string;
    archived_at: Timestamp | null;
  };
  audit_parts: {
    number: number;
    first_seq: string;
    last_seq: string | null;
    opened_at: Timestamp;
    gone_at: Timestamp | null;
  };
  catalogs: {
    digest: string;
    content: Json<unknown>;
    source: string;
    loaded_by: string;
    loaded_at: Timestamp;
  };
  usergroup_members: { team: string; usergroup: string; members: string[]; read_at: Timestamp };
  usergroup_changes: {
    id: string;
    team: string;
    usergroup: string;
    added: string[];
    removed: string[];
    at: Timestamp;
  };
  catalog_proposals: {
    id: string;
    digest: string;
    base: string;
    content: Json<unknown>;
    source: string;
    team: string;
    person: string;
    proposed_at: Timestamp;
    words: Json<unknown>;
    state: "waiting" | "approved" | "denied" | "superseded";
    decided_at: Timestamp | null;
    decided_team: string | null;
    decided_by: string | null;
    reason: string | null;
  };
  catalog_approvals: { proposal: string; person_id: string; team: string; person: string; at: Timestamp };
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
    /** When the person last proved to the identity provider who they are; null by a single-use link. */
    confirmed_at: Timestamp | null;
    groups: Json<readonly string[] | null> | null;
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
