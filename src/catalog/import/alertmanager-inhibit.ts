/** Alertmanager's inhibit rules: those between services become dependencies. Pure but for the draft. */
import type { z } from "zod";
import { type alertmanagerSchema, type Matchers, matchersOf } from "./alertmanager-file.ts";
import { nameOf } from "./draft.ts";
import { aboutLabels, type Reading } from "./reading.ts";

type InhibitRule = NonNullable<z.output<typeof alertmanagerSchema>["inhibit_rules"]>[number];

export function takeInhibitions(rules: readonly InhibitRule[], reading: Reading): void {
  rules.forEach((rule, index) => {
    const source = matchersOf({
      matchers: rule.source_matchers,
      match: rule.source_match,
      match_re: rule.source_match_re,
    }).labels;
    const target = matchersOf({
      matchers: rule.target_matchers,
      match: rule.target_match,
      match_re: rule.target_match_re,
    }).labels;
    const [cause, hit] = [serviceIn(source), serviceIn(target)];
    const at = ["inhibit_rules", index];
    const { draft } = reading;
    if (cause !== undefined && hit !== undefined && cause !== hit) {
      const [causeEntry, hitEntry] = [draft.find("services", cause), draft.find("services", hit)];
      if (causeEntry && hitEntry) {
        hitEntry.dependencies = [
          ...new Set([...((hitEntry.dependencies ?? []) as string[]), String(causeEntry.name)]),
        ];
        reading.note(
          at,
          `became a dependency of ${String(hitEntry.name)} on ${String(causeEntry.name)}, whose alerts then explain it; nothing is silenced`,
        );
        return;
      }
    }
    const isBySeverity = source.severity !== undefined && target.severity !== undefined;
    reading.note(
      at,
      isBySeverity
        ? "was left out: alerts of one cause share a card, and the worst leads it"
        : "was left out: name what depends on what as dependencies of services; nothing else hides an alert",
    );
  });
}

function serviceIn(labels: Matchers): string | undefined {
  for (const label of aboutLabels) {
    const matcher = labels[label];
    if (typeof matcher === "string" && matcher !== "") return nameOf(matcher);
  }
  return undefined;
}
