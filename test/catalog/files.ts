import { readCatalog } from "../../src/catalog/load.ts";
import { problemText } from "../../src/catalog/problem.ts";

/** A whole small catalog: the organisation's file and one team's. */
export const base = `organisation:
  name: Test
  slackTeams: [T0A, T0B]
  timezone: Europe/Berlin
  defaultChannel: ops
  defaultOwner: storefront
channels:
  - { name: ops, slack: { T0A: C0OPS } }
people:
  - { id: olive, name: Olive Okafor, slack: { T0A: U0ONE }, email: olive@example.com, timezone: America/New_York }
  - { id: lena, name: Lena Lind, slack: { T0A: U0TWO, T0B: U0ONE } }
providers:
  metrics:
    - { name: prom, kind: prometheus, url: "http://127.0.0.1:9090" }
    - { name: direct, kind: scrape, targets: [{ url: "http://127.0.0.1:1/metrics" }] }
  traffic:
    - { name: router, kind: router, adminUrl: "http://127.0.0.1:2", tokenEnv: ROUTER_TOKEN }
  accessors:
    - { name: pg, kind: postgres, urlEnv: PG_URL, databases: [orders] }
`;

export const team = `teams:
  - name: storefront
    members: [olive]
    leads: [lena]
    alertChannel: ops
    leadsChannel: ops
    onCall: { rotation: [olive, lena], start: "2026-03-23T09:00", zone: Europe/Berlin }
services:
  - name: shop
    team: storefront
    dri: olive
    metrics: direct
`;

const variables = { SET: "value", EMPTY: "", NUMBER: "7" };
const filesOf = (texts: readonly string[]) =>
  texts.map((text, index) => ({ file: `${"abcdef"[index]}.yaml`, text }));

/** Reads files named a.yaml, b.yaml, … in order. */
export function read(...texts: string[]) {
  return readCatalog("catalog", filesOf(texts), variables);
}

/** As `read`, on 2 March 2026: with warnings of what comes. */
export function readAt(...texts: string[]) {
  return readCatalog("catalog", filesOf(texts), variables, new Date("2026-03-02T10:00:00Z"));
}

export function problems(...texts: string[]): string[] {
  const result = read(...texts);
  return result.ok ? [] : result.problems.map(problemText);
}

export function catalogOf(...texts: string[]) {
  const result = read(...texts);
  if (!result.ok) throw new Error(result.problems.map(problemText).join("\n"));
  return result.catalog;
}
