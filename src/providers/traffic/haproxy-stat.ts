/** `show stat` read: how a version's servers do, and what they cost requests. Pure. */
import type { VersionHealth } from "./contract.ts";

export type StatRow = ReadonlyMap<string, string>;

/** CSV with a header; columns differ between releases, so they are read by name. */
export function readStat(text: string): StatRow[] {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  const header = lines.find((line) => line.startsWith("# "));
  if (header === undefined) return [];
  const names = cellsOf(header.slice(2));
  return lines
    .filter((line) => !line.startsWith("# "))
    .map((line) => new Map(cellsOf(line).map((cell, index) => [names[index] ?? "", cell])));
}

/** Fields with a comma or a quote are quoted, a quote inside doubled. */
function cellsOf(line: string): string[] {
  return [...line.matchAll(/(?:"((?:[^"]|"")*)"|([^,]*))(?:,|$)/g)].map(
    ([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain ?? "",
  );
}

/**
 * What a version cost requests without an answer of its own to show for it: with `option redispatch` a connection
 * that failed is tried again at another server, and only these counters know. Since the process started.
 */
export interface Harm {
  readonly connectionErrors: number;
  readonly retries: number;
  readonly redispatches: number;
}

export function harmOf(rows: readonly StatRow[]): Harm {
  const sum = (name: string) => rows.reduce((total, row) => total + Number(row.get(name) || 0), 0);
  return { connectionErrors: sum("econ"), retries: sum("wretr"), redispatches: sum("wredis") };
}

/** Rows of single servers of a proxy; all, or those named. */
export function serverRows(
  rows: readonly StatRow[],
  { proxy, servers }: { proxy: string; servers: readonly string[] | undefined },
): StatRow[] {
  return rows.filter((row) => {
    const name = row.get("svname") ?? "";
    if (row.get("pxname") !== proxy || name === "BACKEND" || name === "FRONTEND") return false;
    return servers === undefined || servers.includes(name);
  });
}

export function algorithmOf(rows: readonly StatRow[], proxy: string): string | undefined {
  return rows.find((row) => row.get("pxname") === proxy && row.get("svname") === "BACKEND")?.get("algo");
}

/**
 * Servers of all processes together. `UP 1/3` is failing its checks and still serves, `DOWN 1/2` is passing them and
 * does not yet; `no check` says nothing either way. Source: HAProxy Management Guide 2.6, §9.1 field 17, status.
 */
export function healthOf(rows: readonly StatRow[]): VersionHealth {
  const statuses = rows.map((row) => row.get("status") ?? "");
  const wanted = statuses.filter((status) => !status.startsWith("MAINT")).length;
  const up = statuses.filter((status) => /^(UP|NOLB|DRAIN)/.test(status)).length;
  const isUnchecked = statuses.some((status) => status === "no check");
  const detail = [detailOf(rows, up, wanted), harmText(harmOf(rows)), sessionsText(rows)]
    .filter((text) => text !== "")
    .join("; ");
  if (up > 0) return { state: "serving", ready: up, wanted, detail };
  if (isUnchecked) return { state: "unknown", ready: null, wanted, detail };
  const isRising = statuses.some((status) => /^DOWN \d/.test(status));
  return { state: isRising ? "starting" : "down", ready: 0, wanted, detail };
}

function detailOf(rows: readonly StatRow[], up: number, wanted: number): string {
  if (rows.length === 0) return "it has no servers";
  const unwell = rows
    .filter((row) => !/^UP$/.test(row.get("status") ?? ""))
    .map((row) => {
      const reason = row.get("status")?.startsWith("DOWN") ? (row.get("last_chk") ?? "").trim() : "";
      return `${row.get("svname")} ${row.get("status")}${reason === "" ? "" : ` (${reason.slice(0, 80)})`}`;
    });
  const named = unwell.length === 0 ? "" : `: ${unwell.slice(0, 5).join(", ")}`;
  return `${up} of ${wanted} servers up${named}`;
}

function harmText({ connectionErrors, retries, redispatches }: Harm): string {
  const parts = [
    [connectionErrors, "failed connections"],
    [retries, "retries"],
    [redispatches, "requests sent on to another server"],
  ] as const;
  const said = parts.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`);
  return said.length === 0 ? "" : `${said.join(", ")} since the start`;
}

/** Drained once both are 0. */
function sessionsText(rows: readonly StatRow[]): string {
  const sum = (name: string) => rows.reduce((total, row) => total + Number(row.get(name) || 0), 0);
  const isDraining =
    rows.length > 0 &&
    rows.every((row) => row.get("weight") === "0" || row.get("status")?.startsWith("DRAIN"));
  if (!isDraining) return "";
  const left = sum("scur") + sum("qcur");
  return left === 0 ? "drained" : `draining, ${left} sessions left`;
}
