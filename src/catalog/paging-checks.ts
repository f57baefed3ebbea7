/** What schedules, escalation and paging providers must hold to, and what to be warned of. */
import { DateTime } from "luxon";
import type { Checks, Say } from "./checks.ts";
import { layersOf, spansOf } from "./on-call.ts";
import type { Catalog, Team } from "./schema.ts";
import { readingOf } from "./wall-clock.ts";
import type { FieldPath } from "./yaml-file.ts";

/** How far ahead a schedule is looked through for gaps. */
const aheadDays = 28;
/** Gaps named one by one; more are counted. */
const gapsNamedMax = 3;

export function checkPaging(checks: Checks): void {
  const { catalog } = checks;
  for (const team of catalog.teams) checkTeam(checks, team);
  for (const service of catalog.services)
    service.pagers?.forEach((name, index) => {
      checks.pager(service, ["pagers", index], name);
    });
  catalog.policies.watch.pagers.forEach((name, index) => {
    checks.pager(catalog.policies, ["watch", "pagers", index], name);
  });
  for (const pager of catalog.providers.pagers) {
    checks.hookSource(pager, ["hookSource"], pager.hookSource);
    const source = catalog.hookSources.find(({ name }) => name === pager.hookSource);
    const kind = pager.kind === "webhook" ? "pages" : pager.kind;
    if (source !== undefined && source.kind !== kind)
      checks.say(
        pager,
        ["hookSource"],
        `names a source of kind ${source.kind}, which tells nothing of ${pager.kind}; name one of kind ${kind}`,
      );
  }
}

function checkTeam({ say, person, pager }: Checks, team: Team): void {
  const isLayered = team.onCall?.layers !== undefined;
  const names = new Set<string>();
  layersOf(team.onCall).forEach((layer, index) => {
    const at: FieldPath = isLayered ? ["onCall", "layers", index] : ["onCall"];
    layer.rotation.forEach((name, nth) => {
      person(team, [...at, "rotation", nth], name);
    });
    if (readingOf(layer.start) === undefined)
      say(
        team,
        [...at, "start"],
        `"${layer.start}" is not a date and time; write one such as 2026-01-05T09:00`,
      );
    if (layer.name !== null && names.has(layer.name))
      say(team, [...at, "name"], `"${layer.name}" stands twice in this list; rename or remove one`);
    if (layer.name !== null) names.add(layer.name);
  });
  team.pagers?.forEach((name, index) => {
    pager(team, ["pagers", index], name);
  });
  team.escalation?.forEach((rung, index) => {
    pager(team, ["escalation", index, "pager"], rung.pager);
  });
}

/** Warnings of a catalog that holds together. Gaps are looked for from `now` on, when it is given. */
export function warnOfPaging(catalog: Catalog, warn: Say, now: Date | undefined): void {
  if (catalog.providers.pagers.length > 0 && catalog.policies.watch.pagers.length === 0)
    warn(
      catalog.organisation,
      [],
      "has pagers, and none is told when Quarterdeck itself is in trouble; name one in policies.watch.pagers",
    );
  for (const team of catalog.teams) {
    if (team.onCall === undefined) warn(team, [], "has no onCall: its leads are paged");
    if (!isRungByPhone(team))
      warn(
        team,
        [],
        "is paged by Slack alone, and a Slack message does not ring through do-not-disturb; name a paging provider in pagers",
      );
    if (team.onCall !== undefined && now !== undefined) warnOfGaps(catalog, team, warn, now);
  }
}

const isRungByPhone = ({ pagers = [], escalation = [] }: Team): boolean =>
  pagers.length > 0 || escalation.some(({ pager }) => pager !== undefined);

function warnOfGaps(catalog: Catalog, team: Team, warn: Say, now: Date): void {
  const until = DateTime.fromJSDate(now, { zone: "UTC" }).plus({ days: aheadDays }).toJSDate();
  const gaps = spansOf(catalog, team, now, until).filter(({ person }) => person === undefined);
  if (gaps.length === 0) return;
  const zone = layersOf(team.onCall)[0]?.zone ?? catalog.organisation.timezone;
  const words = (at: Date) => DateTime.fromJSDate(at, { zone }).setLocale("en").toFormat("ccc d LLL HH:mm");
  const named = gaps
    .slice(0, gapsNamedMax)
    .map(({ from, until }) => `${words(from)} to ${words(until)}`)
    .join("; ");
  const more = gaps.length > gapsNamedMax ? ` and ${gaps.length - gapsNamedMax} more` : "";
  warn(
    team,
    ["onCall"],
    `leaves nobody on call in the next ${aheadDays / 7} weeks (${zone}): ${named}${more}; its leads are paged then`,
  );
}
