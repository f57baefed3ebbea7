/** OpenSLO's alert policies as alerting rows of the catalog. Pure. */

import { isDeepStrictEqual } from "node:util";
import type { AlertingRow } from "../../../catalog/schema.ts";
import { standardRows } from "../../../catalog/slo-rows.ts";
import { formatDuration, parseDuration } from "../../../platform/commands/time.ts";
import type { Documents } from "./documents.ts";
import { annotation } from "./export.ts";
import type { ConditionSpec, PolicySpec, SloSpec } from "./forms.ts";
import { type Annotations, keptRows } from "./kept.ts";
import type { Entry, Note } from "./slo-entry.ts";

interface Say {
  note: Note;
  problem: Note;
}

/** Short windows are this part of the long one, where only one is given. Source: SRE workbook, chapter 5. */
const shortPart = 12;

/** Undefined when the document has none. */
export function rowsOf(
  policies: NonNullable<SloSpec["alertPolicies"]>,
  annotations: Annotations,
  documents: Documents,
  say: Say,
): readonly AlertingRow[] | undefined {
  const stated = policies.flatMap((policy, index) => {
    const at = `spec.alertPolicies.${index}`;
    const spec = policy.spec ?? referredPolicy(policy.alertPolicyRef, at, documents, say.problem);
    const condition = spec && conditionOf(spec, at, documents, say.problem);
    return spec && condition ? [{ at, spec, condition }] : [];
  });
  const kept = keptRows(
    annotations,
    stated.map(({ condition }) => condition),
  );
  if (kept) return kept;
  if (annotations[annotation.rows] !== undefined)
    say.note(
      `metadata.annotations.${annotation.rows}`,
      "says something else than spec.alertPolicies by now; the latter count",
    );
  const rows = stated.map(({ at, spec, condition }) => rowOf(spec, condition, at, say.note));
  return rows.length > 0 ? rows : undefined;
}

function referredPolicy(
  name: string | undefined,
  at: string,
  documents: Documents,
  problem: Note,
): PolicySpec | undefined {
  const found = documents.refer("AlertPolicy", name ?? "");
  if (found === undefined)
    problem(
      `${at}.alertPolicyRef`,
      `names AlertPolicy ${name}, which is in no document here; add it to the file`,
    );
  return found?.spec;
}

function conditionOf(
  { conditions: [condition] }: PolicySpec,
  at: string,
  documents: Documents,
  problem: Note,
): ConditionSpec | undefined {
  if (condition?.spec) return condition.spec;
  const name = condition?.conditionRef ?? "";
  const found = documents.refer("AlertCondition", name);
  if (found === undefined)
    problem(
      `${at}.conditions.0.conditionRef`,
      `names AlertCondition ${name}, which is in no document here; add it to the file`,
    );
  return found?.spec;
}

function rowOf(
  policy: PolicySpec,
  { severity, condition }: ConditionSpec,
  at: string,
  note: Note,
): AlertingRow {
  const { op, threshold, lookbackWindow, alertAfter } = condition;
  if (op !== undefined && op !== "gt")
    note(
      `${at}.condition.op`,
      op === "gte"
        ? "is gte; rows of the catalog fire above their burn, not at it"
        : `is ${op}, which asks for a low burn; it was taken for gt`,
    );
  if (alertAfter !== undefined && alertAfter.ms > 0)
    note(`${at}.condition.alertAfter`, "was left out: the short window does its work");
  if (policy.alertWhenBreaching === false)
    note(`${at}.alertWhenBreaching`, "is false; rows of the catalog always tell");
  for (const field of ["alertWhenResolved", "alertWhenNoData"] as const)
    if (policy[field] === false) note(`${at}.${field}`, "is false; this is always told");
  if (policy.notificationTargets?.some(({ targetRef }) => targetRef !== "quarterdeck"))
    note(`${at}.notificationTargets`, "were left out: the service's team and channel are told");
  note(
    `${at}.condition.lookbackWindow`,
    `is one window; its short one became ${formatDuration(lookbackWindow.ms / shortPart)}`,
  );
  return {
    severity: isPage(severity) ? "page" : "ticket",
    long: lookbackWindow.ms,
    short: lookbackWindow.ms / shortPart,
    burn: threshold,
  };
}

/** Words that wake somebody; all others open a ticket. */
const isPage = (severity: string): boolean =>
  /^(page|critical|crit|sev-?[01]|p[01]|urgent|high)$/i.test(severity.trim());

/** In the form of the catalog's files; undefined for the standard rows of the window, which need not be written. */
export function rowEntries(
  rows: readonly AlertingRow[] | undefined,
  window: object,
): readonly Entry[] | undefined {
  const rollingMs = "rolling" in window ? parseDuration(String(window.rolling)) : undefined;
  if (rollingMs !== undefined && isDeepStrictEqual(rows, standardRows(rollingMs))) return undefined;
  return rows?.map(({ severity, long, short, burn }) => ({
    severity,
    long: formatDuration(long),
    short: formatDuration(short),
    burn,
  }));
}
