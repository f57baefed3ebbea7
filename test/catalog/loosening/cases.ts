/** Changes of the sample catalog that give somebody something, each with what is said of it. */
import type { Catalog } from "../../../src/catalog/schema.ts";

/** Fields as a later release may have them, too. */
export type Open = Record<string, unknown>;
export const first = <T>(list: readonly T[]): T => list[0] as T;
export const named = <T extends { name: string }>(list: readonly T[], name: string): T =>
  list.find((entry) => entry.name === name) as T;
export const readonly = (catalog: Catalog) => first(named(catalog.resources, "orders-db").roles);
export const policy = (catalog: Catalog) => readonly(catalog).policy as unknown as Open;
export const storefront = (catalog: Catalog) => named(catalog.teams, "storefront");
export const olive = (catalog: Catalog) =>
  catalog.people.find(({ id }) => id === "olive") as Catalog["people"][number];
const minuteMs = 60_000;

/** What a change says; each is made from the sample and from nothing else. */
export const widening: readonly [string, (after: Catalog, before: Catalog) => void, string][] = [
  [
    "a team that may ask",
    (after) => {
      policy(after).requesters = ["storefront", "payments", "ops"];
    },
    "orders-db readonly: people of ops may ask for it too",
  ],
  [
    "a person who may ask",
    (after) => {
      policy(after).requesterPeople = ["dev"];
    },
    "orders-db readonly: dev may ask for it too",
  ],
  [
    "a team that may approve",
    (after) => {
      policy(after).approvers = ["storefront", "payments"];
    },
    "orders-db readonly: leads of payments may approve it too",
  ],
  [
    "a person who may approve",
    (after) => {
      policy(after).approverPeople = ["dev"];
    },
    "orders-db readonly: dev may approve it too",
  ],
  [
    "a lower quorum",
    (_after, before) => {
      policy(before).quorum = 3;
    },
    "orders-db readonly: approvals needed 3 → 1",
  ],
  [
    "no approval at all",
    (after) => {
      policy(after).quorum = 0;
    },
    "orders-db readonly: approvals needed 1 → 0",
  ],
  [
    "a longer time",
    (after) => {
      policy(after).durationMax = 120 * minuteMs;
    },
    "orders-db readonly: longest time 1h → 2h",
  ],
  [
    "a longer total",
    (after) => {
      policy(after).totalDurationMax = 300 * minuteMs;
    },
    "orders-db readonly: longest time with extensions 4h → 5h",
  ],
  [
    "a dropped pattern",
    (_after, before) => {
      policy(before).reasonPattern = "^INC-";
    },
    "orders-db readonly: takes any reason",
  ],
  [
    "another pattern",
    (after, before) => {
      policy(before).reasonPattern = "^INC-";
      policy(after).reasonPattern = ".";
    },
    "orders-db readonly: takes other reasons: ^INC- → .",
  ],
  [
    "a dropped ticket",
    (_after, before) => {
      policy(before).ticketRequired = true;
    },
    "orders-db readonly: no longer asks for a ticket",
  ],
  [
    "a dropped incident",
    (_after, before) => {
      policy(before).incidentRequired = true;
    },
    "orders-db readonly: no longer asks for an open incident",
  ],
  [
    "a dropped step-up",
    (_after, before) => {
      policy(before).stepUp = true;
    },
    "orders-db readonly: no longer asks for a fresh sign-in of who approves",
  ],
  [
    "any hour",
    (_after, before) => {
      policy(before).hours = { zone: "UTC", windows: [{ days: ["mon"], from: "09:00", to: "17:00" }] };
    },
    "orders-db readonly: may be had at any hour",
  ],
  [
    "another clock",
    (after, before) => {
      const windows = [{ days: ["mon"], from: "09:00", to: "17:00" }];
      policy(before).hours = { zone: "UTC", windows };
      policy(after).hours = { zone: "Asia/Tokyo", windows };
    },
    "orders-db readonly: may be had at other hours",
  ],
  [
    "approval by itself",
    (after) => {
      policy(after).automatic = { durationMax: 30 * minuteMs, swapSettle: 86_400_000 };
    },
    "orders-db readonly: whoever is on call gets it without approval during an incident",
  ],
  [
    "a longer time without approval",
    (after, before) => {
      policy(before).automatic = { durationMax: 10 * minuteMs, swapSettle: 1 };
      policy(after).automatic = { durationMax: 30 * minuteMs, swapSettle: 1 };
    },
    "orders-db readonly: longest time without approval 10m → 30m",
  ],
  [
    "a shift that counts sooner",
    (after, before) => {
      policy(before).automatic = { durationMax: 1, swapSettle: 86_400_000 };
      policy(after).automatic = { durationMax: 1, swapSettle: 0 };
    },
    "orders-db readonly: a shift taken over counts sooner for getting it without approval",
  ],
  [
    "approving each other",
    (_after, before) => {
      policy(before).reciprocal = "barred";
    },
    "orders-db readonly: two people may approve each other's requests",
  ],
  [
    "break-glass",
    (after) => {
      policy(after).breakGlass = true;
    },
    "orders-db readonly: may be taken at once by break-glass",
  ],
  [
    "longer break-glass",
    (after, before) => {
      policy(before).breakGlass = true;
      policy(after).breakGlass = { durationMax: 60 * minuteMs };
    },
    "orders-db readonly: longest time by break-glass 30m → 1h",
  ],
  [
    "break-glass for more people",
    (after, before) => {
      policy(before).breakGlass = { requesters: ["storefront"] };
      policy(after).breakGlass = { requesters: ["storefront", "payments"] };
    },
    "orders-db readonly: people of payments may take it by break-glass",
  ],
  [
    "break-glass for the people named beside the teams",
    (after, before) => {
      policy(before).requesterPeople = ["dev"];
      policy(after).requesterPeople = ["dev"];
      policy(before).breakGlass = { requesters: ["storefront", "payments"] };
      policy(after).breakGlass = true;
    },
    "orders-db readonly: dev may take it by break-glass",
  ],
  [
    "a field nobody knows",
    (after) => {
      policy(after).weekendsToo = true;
    },
    "orders-db readonly: weekendsToo: nothing → true",
  ],
  [
    "terms that reach further",
    (after) => {
      (readonly(after) as unknown as Open).terms = { grantRole: "app_rw" };
    },
    'orders-db readonly: grants otherwise: {"grantRole":"app_ro"} → {"grantRole":"app_rw"}',
  ],
  [
    "a new role",
    (after) =>
      void named(after.resources, "orders-db").roles.push({
        ...readonly(after),
        name: "admin",
        grants: "everything",
      }),
    "orders-db admin: a new role (everything), for people of storefront and payments",
  ],
  [
    "a role under a new name",
    (after) => {
      readonly(after).name = "viewer";
    },
    "orders-db viewer: a new role (read every table of orders), for people of storefront and payments",
  ],
  [
    "another accessor",
    (after) => {
      named(after.resources, "orders-db").accessor = "other";
    },
    "orders-db, accessor: orders-postgres → other",
  ],
  [
    "an accessor's other login",
    (after) => {
      (first(after.providers.accessors) as unknown as Open).urlEnv = "ADMIN_URL";
    },
    "orders-postgres gives access otherwise, urlEnv: ORDERS_DB_URL → ADMIN_URL",
  ],
  ["a lead", (after) => void storefront(after).leads.push("dev"), "dev may what leads of storefront may"],
  [
    "a member",
    (_after, before) => {
      storefront(before).members = ["olive"];
    },
    "dev may what members of storefront may",
  ],
  [
    "a user group",
    (after) => {
      storefront(after).slackUsergroup = { T0LOCAL: "S0ALL" };
    },
    "Slack user group S0ALL of T0LOCAL may what members of storefront may",
  ],
  [
    "a claim",
    (after) => {
      (storefront(after) as unknown as Open).groups = { members: [], leads: ["admins"] };
    },
    "group admins of the identity provider (leads) gives rights of storefront",
  ],
  [
    "a person",
    (after) => void after.people.push({ id: "mallory", name: "M", slack: { T0LOCAL: "U0MALLORY" } }),
    "mallory becomes known, and may what anyone of the catalog may",
  ],
  [
    "a second account",
    (after) => {
      olive(after).slack = { T0LOCAL: "U0OTHER" };
    },
    "olive also acts as U0OTHER of Slack workspace T0LOCAL",
  ],
  [
    "another address",
    (after) => {
      olive(after).email = "mallory@example.com";
    },
    "olive, email: olive@example.com → mallory@example.com",
  ],
  [
    "a workspace",
    (after) => void after.organisation.slackTeams.push("T0OTHER"),
    "people of the Slack workspace T0OTHER are served too",
  ],
  [
    "a service's other owner",
    (after) => {
      named(after.services, "shop").team = "payments";
    },
    "shop belongs to payments, no longer to storefront: its leads and members decide",
  ],
  [
    "a service to whoever declares it next",
    (after) => {
      after.services = after.services.filter(({ name }) => name !== "shop");
    },
    "shop is taken out: whoever declares it again owns it, no longer storefront",
  ],
  [
    "a longer override of freezes",
    (after) => {
      after.policies.freeze.overrideMax = 86_400_000;
    },
    "leads may override freezes for longer: 4h → 1d",
  ],
  [
    "a longer time to claim",
    (after) => {
      after.policies.access.claimWithin = 7_200_000;
    },
    "an approved request may be claimed for longer: 1h → 2h",
  ],
  [
    "other times on call where that is trusted",
    (after, before) => {
      for (const catalog of [before, after]) policy(catalog).automatic = { durationMax: 1, swapSettle: 1 };
      storefront(after).onCall = {
        rotation: ["olive"],
        rotate: "daily",
        start: "2026-01-05T09:00",
        zone: "UTC",
      };
    },
    "other people or times on call of storefront, who may get access without approval",
  ],
];
