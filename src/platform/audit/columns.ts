import type { ChainFault } from "./chain.ts";

export interface EntryRow {
  seq: string;
  body: string;
  hash: Buffer;
  at: Date;
  team: string;
  person: string;
  action: string;
  subject: string;
  service: string | null;
}

/** An entry is found by its columns, and only its bytes are chained: both must say the same. */
export function columnsFault(seq: number, row: EntryRow): ChainFault | undefined {
  const said = JSON.parse(row.body) as {
    at?: string;
    actor?: { team?: string; person?: string };
    action?: string;
    subject?: string;
    service?: string;
  };
  const pairs: readonly [string, string | undefined, string | undefined][] = [
    ["at", row.at.toISOString(), said.at],
    ["team", row.team, said.actor?.team],
    ["person", row.person, said.actor?.person],
    ["action", row.action, said.action],
    ["subject", row.subject, said.subject],
    ["service", row.service ?? undefined, said.service],
  ];
  const different = pairs.find(([, column, body]) => column !== body);
  if (!different) return undefined;
  const [name, column, body] = different;
  return {
    seq,
    fault: "columns",
    detail: `it is found by ${name} ${column ?? "none"}, and its bytes say ${body ?? "none"}`,
  };
}
