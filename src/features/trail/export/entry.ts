/** An entry on its way out: its bytes, and what they say. */
export interface Stored {
  /** Canonical JSON, as it is chained and sealed. */
  body: string;
}

/** What every entry holds, and what some do. */
export interface EntryBody {
  seq: number;
  at: string;
  actor: { team: string; person: string; door: string };
  action: string;
  subject: string;
  service?: string | undefined;
  before?: string | undefined;
  after?: string | undefined;
  reason?: string | undefined;
  detail?: Record<string, unknown> | undefined;
  catalog: string;
  correlation?: string | undefined;
}

/** One format: what stands before the first entry, and a line for each. */
export interface ExportFormat {
  head: string;
  line(entry: { body: string; read: EntryBody }): string;
}
