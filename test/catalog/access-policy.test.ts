import { describe, expect, it } from "vitest";
import { approversOf, breakGlassOf, isNarrowerThan, requestersOf } from "../../src/catalog/lookup.ts";
import { hoursText, opensNext, openUntil } from "../../src/catalog/week-windows.ts";
import { base, catalogOf, problems, team } from "./files.ts";

const roleOf = (name: string, policy: string, more = "") =>
  `      - name: ${name}\n        grants: read\n        terms: { grantRole: app_ro }\n${more}        policy: ${policy}\n`;
const resource = (roles: string, service = "shop") =>
  `resources:\n  - name: orders-db\n    accessor: pg\n${service === "" ? "" : `    service: ${service}\n`}    roles:\n${roles}`;
const teams = "requesters: [storefront], approvers: [storefront]";

it("takes a policy with everything it can say", () => {
  const policy = `{ ${teams}, requesterPeople: [lena], approverPeople: [olive], quorum: 2, durationMax: 1h, totalDurationMax: 4h, reasonPattern: "^INC", ticketRequired: true, incidentRequired: true, hours: { zone: Europe/Berlin, windows: [{ days: [mon], from: "09:00", to: "17:00" }] }, automatic: { durationMax: 15m, swapSettle: 2d }, reciprocal: barred, breakGlass: { durationMax: 10m, requesters: [storefront] } }`;
  const catalog = catalogOf(base, team, resource(roleOf("ro", policy)));
  const role = catalog.resources[0]?.roles[0];
  if (!role) throw new Error("no role");
  expect(role.policy.automatic).toEqual({ durationMax: 900_000, swapSettle: 172_800_000 });
  expect(approversOf(catalog, role)).toEqual(["lena", "olive"]);
  expect(requestersOf(catalog, role)).toEqual(["olive", "lena"]);
  expect(breakGlassOf(role)).toEqual({
    durationMaxMs: 600_000,
    requesters: ["storefront"],
    requesterPeople: [],
  });
  const { policy: own } = role;
  expect(breakGlassOf({ policy: { ...own, breakGlass: true } })).toEqual({
    durationMaxMs: 1_800_000,
    requesters: ["storefront"],
    requesterPeople: ["lena"],
  });
  expect(breakGlassOf({ policy: { ...own, breakGlass: false } })).toBeUndefined();
});

describe("a policy is refused with file and line for", () => {
  const policyAt = "resources.orders-db.roles.ro.policy";
  it.each([
    ["nobody who may ask", "{ approvers: [storefront] }", `${policyAt}.requesters: lets nobody ask`],
    ["nobody who approves", "{ requesters: [storefront] }", `${policyAt}.approvers: lets nobody approve`],
    [
      "an unknown person who asks",
      `{ ${teams}, requesterPeople: [oliv] }`,
      "requesterPeople.0: names person",
    ],
    ["an unknown person who approves", `{ ${teams}, approverPeople: [x] }`, "approverPeople.0: names person"],
    [
      "an unknown team that breaks glass",
      `{ ${teams}, breakGlass: { requesters: [storefrnt] } }`,
      "breakGlass.requesters.0: names team",
    ],
    [
      "break-glass longer than the role",
      `{ ${teams}, breakGlass: { durationMax: 2h } }`,
      "breakGlass.durationMax: is longer",
    ],
    ["automatic longer than the role", `{ ${teams}, automatic: { durationMax: 2h } }`, "is longer than"],
    ["step-up where nobody approves", `{ ${teams}, quorum: 0, stepUp: true }`, `${policyAt}.stepUp: needs`],
    ["step-up that is automatic", `{ ${teams}, automatic: {}, stepUp: true }`, `${policyAt}.stepUp: needs`],
    ["hours in no zone", `{ ${teams}, hours: { zone: Mars/Base, windows: [] } }`, "is not an IANA time zone"],
    ["more approvals than people", `{ ${teams}, approverPeople: [olive], quorum: 3 }`, "have 2 leads"],
  ])("%s", (_, policy, expected) => {
    const found = problems(base, team, resource(roleOf("ro", policy)));
    expect(found[0]).toMatch(/^c\.yaml:\d+: /);
    expect(found.join("\n")).toContain(expected);
  });

  it("automatic approval without a service, or without anybody on call", () => {
    const roles = roleOf("ro", `{ ${teams}, automatic: {} }`);
    expect(problems(base, team, resource(roles, ""))[0]).toContain("it has none; add service");
    const noDuty = team.replace(/ {4}onCall:.*\n/, "");
    expect(problems(base, noDuty, resource(roles))[0]).toContain("storefront has no onCall");
  });

  it("a role that is narrower than none, or than itself", () => {
    const narrower = (names: string) => `        narrowerThan: [${names}]\n`;
    const roles = (ro: string, rw: string) =>
      resource(roleOf("ro", `{ ${teams} }`, narrower(ro)) + roleOf("rw", `{ ${teams} }`, narrower(rw)));
    expect(problems(base, team, roles("rx", ""))[0]).toContain('narrowerThan.0: names role "rx"');
    expect(problems(base, team, roles("rw", "ro")).join()).toContain("makes a role narrower than itself");
    expect(problems(base, team, roles("ro", "")).join()).toContain("makes a role narrower than itself");
    const [found] = catalogOf(base, team, roles("rw", "")).resources;
    expect(found && isNarrowerThan(found, "ro", "rw")).toBe(true);
    expect(found && isNarrowerThan(found, "rw", "ro")).toBe(false);
  });
});

describe("hours", () => {
  const weekdays = { days: ["mon", "tue", "wed", "thu", "fri"] as const, from: "09:00", to: "17:00" };
  const office = { zone: "Europe/Berlin", windows: [{ ...weekdays, days: [...weekdays.days] }] };
  const at = (text: string) => new Date(text);

  it("last until the window ends, its first moment included and its last not", () => {
    // Friday; Berlin is an hour ahead in winter and two in summer.
    expect(openUntil(office, at("2026-11-27T08:00:00Z"))).toEqual(at("2026-11-27T16:00:00Z"));
    expect(openUntil(office, at("2026-11-27T07:59:59Z"))).toBeUndefined();
    expect(openUntil(office, at("2026-11-27T16:00:00Z"))).toBeUndefined();
    expect(openUntil(office, at("2026-07-03T07:00:00Z"))).toEqual(at("2026-07-03T15:00:00Z"));
    expect(opensNext(office, at("2026-11-27T16:00:00Z"))).toEqual(at("2026-11-30T08:00:00Z"));
    expect(opensNext(office, at("2026-11-27T03:00:00Z"))).toEqual(at("2026-11-27T08:00:00Z"));
  });

  it("that follow each other without a gap are one, over midnight too", () => {
    const nights = {
      zone: "UTC",
      windows: [
        { days: ["fri" as const], from: "20:00", to: "06:00" },
        { days: ["sat" as const], from: "06:00", to: "24:00" },
      ],
    };
    expect(openUntil(nights, at("2026-11-28T02:00:00Z"))).toEqual(at("2026-11-29T00:00:00Z"));
    const always = { zone: "UTC", windows: [{ days: [...weekdays.days], from: "00:00", to: "24:00" }] };
    expect(openUntil(always, at("2026-11-25T10:00:00Z"))).toEqual(at("2026-11-28T00:00:00Z"));
  });

  it("are said in words", () => {
    expect(hoursText(office)).toBe("mon–fri 09:00–17:00 (Europe/Berlin)");
    const some = { zone: "UTC", windows: [{ days: ["sat" as const, "mon" as const], from: "1", to: "2" }] };
    expect(hoursText(some)).toBe("mon sat 1–2 (UTC)");
  });
});
