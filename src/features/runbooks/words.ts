/** Numbers, late answers, deploys and trust as people read them. Pure; every word from outside is escaped here. */
import { personBySlack } from "../../catalog/lookup.ts";
import { type Problem, problemText } from "../../catalog/problem.ts";
import type { Catalog } from "../../catalog/schema.ts";
import { formatDuration } from "../../platform/commands/time.ts";
import { dateToken, escapeText, type Mark } from "../../platform/messages/blocks.ts";
import type { Deploy } from "../deploys/index.ts";
import { type SignalReading, valueText } from "../signals/index.ts";
import { type Budget, usersLine } from "../slos/index.ts";
import type { Answer, Gauge, RecentDeploys } from "./gather.ts";
import { callName, isExceeded, limitOf, type Trust } from "./model.ts";

/** `rank`: the worst first. */
export interface Standing {
  mark: Mark | "";
  /** Without the mark. */
  text: string;
  rank: 0 | 1 | 2 | 3 | 4;
}

export function standingOf({ reading }: Gauge): Standing {
  if (reading.is === "late") return lateStanding(reading.deadlineMs);
  if (reading.is === "failed") return missingStanding(reading.why);
  return readingStanding(reading.value);
}

function readingStanding(reading: SignalReading): Standing {
  switch (reading.state) {
    case "late":
      return lateStanding(reading.deadlineMs);
    case "missing":
      return missingStanding(reading.why);
    case "ok": {
      const limit = limitOf(reading.signal);
      const partial = reading.isPartial ? " (partly: not every source answered)" : "";
      const value = escapeText(reading.text, 60);
      if (!limit) return { mark: "", text: `${value}${partial}`, rank: 3 };
      const bound = escapeText(valueText(limit.value, reading.signal.unit), 40);
      if (!isExceeded(limit, reading.value))
        return reading.isPartial
          ? { mark: "🟠", text: `${value}${partial}`, rank: 2 }
          : { mark: "🟢", text: `${value} (limit ${bound})`, rank: 4 };
      const text = `${value} (past its limit ${bound})${partial}`;
      return limit.isHurting ? { mark: "🔴", text, rank: 0 } : { mark: "🟠", text, rank: 1 };
    }
  }
}

/** `no answer within 2 s`. */
export const lateText = (deadlineMs: number): string =>
  `no answer within ${deadlineMs < 1_000 ? `${deadlineMs} ms` : `${Number((deadlineMs / 1_000).toFixed(1))} s`}`;
const lateStanding = (deadlineMs: number): Standing => ({ mark: "🟠", text: lateText(deadlineMs), rank: 2 });
const missingStanding = (why: string): Standing => ({
  mark: "🟠",
  text: `no value: ${escapeText(why, 120)}`,
  rank: 2,
});

export const withMark = ({ mark, text }: Standing): string => (mark === "" ? text : `${mark} ${text}`);

/** What an answer that did not come reads like. */
export function troubleText<T>(answer: Exclude<Answer<T>, { is: "here" }>): string {
  return answer.is === "late"
    ? `🟠 ${lateText(answer.deadlineMs)}`
    : `🟠 not known: ${escapeText(answer.why, 120)}`;
}

const usersMark: Record<Budget["users"], Mark> = { hurting: "🔴", well: "🟢", unknown: "⚪" };
export const budgetText = (budget: Answer<Budget>): string =>
  budget.is === "here" ? `${usersMark[budget.value.users]} ${usersLine(budget.value)}` : troubleText(budget);

export function deployLines(
  deploys: Answer<RecentDeploys>,
  count: number,
  slack: { team: string; catalog: Catalog },
): string[] {
  if (deploys.is !== "here") return [troubleText(deploys)];
  const { recent, current } = deploys.value;
  if (recent.length > 0) return recent.slice(0, count).map((deploy) => deployText(deploy, slack));
  if (current) return [`none in 7 days; runs ${deployText(current, slack)}`];
  return ["no deploy is known"];
}

const outcomeText: Record<Deploy["outcome"], string> = { good: " · 🟢 good", bad: " · 🔴 bad", unknown: "" };

function deployText(
  { id, version, previous, at, by, source, outcome }: Deploy,
  { team, catalog }: { team: string; catalog: Catalog },
): string {
  const versions = previous
    ? `${escapeText(previous, 60)} → ${escapeText(version, 60)}`
    : escapeText(version, 60);
  const who = escapeText(personBySlack(catalog, team, by)?.name ?? by, 80);
  const from = source === by ? "" : ` (${escapeText(source, 40)})`;
  return `${versions} · ${dateToken(at, "date_time")} · by ${who}${from}${outcomeText[outcome]} · ${id}`;
}

/** `verified 2 Mar 10:00 by Lena Lind`, marked when that is not to be relied on. */
export function trustText(trust: Trust, catalog: Catalog): string {
  const last = trust.last
    ? `verified ${dateToken(trust.last.at, "date_time")} by ${escapeText(trust.last.by, 80)}`
    : undefined;
  switch (trust.state) {
    case "verified":
      return `🟢 ${last}`;
    case "stale":
      return `🟠 stale: last ${last}, more than ${formatDuration(catalog.policies.runbook.staleAfter)} ago`;
    case "never":
      return "🟠 stale: never verified";
    case "outdated": {
      const [first] = [...trust.outdated].sort((a, b) => b.at.getTime() - a.at.getTime());
      const who = first
        ? `${escapeText(callName(catalog, first), 80)} ${dateToken(first.at, "date_time")}`
        : "";
      const note = first?.note ? `: ${escapeText(first.note, 200)}` : "";
      return `🟠 outdated, says ${who}${note}${last ? ` (${last})` : ""}`;
    }
  }
}

/** `high-latency.md:12: what is wrong`, the first of a file. */
export function withProblem(problems: readonly Problem[], file: string): string | undefined {
  const first = problems.find((problem) => problem.file === file);
  return first && problemText(first);
}
