import type { ChainFault } from "./chain.ts";

export interface EntryRow {
  seq: string;
  body: string;
  hash: Buffer;
  /** As entries write it: `2026-11-25T17:00:00.000Z`. */
  at: string;
  team: string;
  person: string;
  action: string;
  subject: string;
  service: string | null;
}

/** An entry is found by its columns, and only its bytes are chained: both must say the same. */
export function columnsFault(seq: number, row: EntryRow): ChainFault | undefined {
  if (isPlain(seq, row)) return undefined;
  const said = JSON.parse(row.body) as {
    at?: string;
    actor?: { team?: string; person?: string };
    action?: string;
    subject?: string;
    service?: string;
  };
  const pairs: readonly [string, string | undefined, string | undefined][] = [
    ["at", row.at, said.at],
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

/**
 * Most entries, without parsing them: canonical JSON sorts its members, so that where they stand is known. False says
 * nothing; it is parsed then.
 */
function isPlain(seq: number, row: EntryRow): boolean {
  const { body } = row;
  const service = row.service === null ? "" : `,"service":${JSON.stringify(row.service)}`;
  if (!body.endsWith(`,"seq":${seq}${service},"subject":${JSON.stringify(row.subject)}}`)) return false;
  const start = `{"action":${JSON.stringify(row.action)},"actor":{"door":"`;
  if (!body.startsWith(start)) return false;
  const doorEnd = body.indexOf('"', start.length);
  return body.startsWith(
    `","person":${JSON.stringify(row.person)},"team":${JSON.stringify(row.team)}},"at":"${row.at}",`,
    doorEnd,
  );
}
