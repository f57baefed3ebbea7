import { beforeAll, describe, expect, it } from "vitest";
import { loadCatalog } from "../../../src/catalog/load.ts";
import type { AccessRole, Catalog } from "../../../src/catalog/schema.ts";
import {
  didBefore,
  narrowerLines,
  narrowerRoles,
  withoutApproval,
} from "../../../src/features/access/alternatives.ts";
import { type Circumstances, judgeAutomatic } from "../../../src/features/access/automatic.ts";
import { notProven, stepUpMs } from "../../../src/features/access/decide.ts";
import { endOf, type Grant } from "../../../src/features/access/model.ts";
import { type Incidents, judgeAsk, matchRule, withoutAccount } from "../../../src/features/access/rule.ts";
import { ruleText, type Terms } from "../../../src/features/access/terms.ts";
import { approvedState } from "../../../src/features/access/waiting.ts";
import type { Actor } from "../../../src/platform/people.ts";

let sample: Catalog;
beforeAll(async () => {
  const loaded = await loadCatalog("config/sample", {});
  if (!loaded.ok) throw new Error("the sample does not load");
  sample = loaded.catalog;
});

/** Wednesday, ten o'clock. */
const now = new Date("2026-11-25T10:00:00Z");
const minuteMs = 60_000;
const after = (ms: number) => new Date(now.getTime() + ms);

function ruleWith(policy: Partial<AccessRole["policy"]>, role = "readonly") {
  const catalog = structuredClone(sample);
  const found = catalog.resources[0]?.roles.find(({ name }) => name === role);
  if (!found) throw new Error("no such role");
  Object.assign(found.policy, policy);
  const matched = matchRule(catalog, "orders-db", role);
  if (!matched.ok) throw new Error("no rule");
  return { catalog, rule: matched.value };
}

const none: Incidents = { paging: [], namedAndOpen: [] };
const ask = (more: Partial<Parameters<typeof judgeAsk>[1]> = {}) => ({
  time: { durationMs: 15 * minuteMs, until: after(15 * minuteMs), hasFixedEnd: false },
  startAt: undefined,
  reason: "look at stuck orders",
  totalBeforeMs: 0,
  ...more,
});
const ruleOf = (decision: ReturnType<typeof judgeAsk>) => (decision.ok ? "allowed" : decision.refusal.rule);

describe("a request", () => {
  it("for a right at an account that the catalog does not know is refused, and says what to add", () => {
    const { rule } = ruleWith({});
    const github = { name: "gh", kind: "github", org: "acme", tokenEnv: "GH", apiUrl: "https://x" } as const;
    const atGithub = { ...rule, terms: { ...rule.terms, accessor: github } };
    const olive = { id: "olive", name: "Olive", slack: {} };
    expect(withoutAccount(rule, olive)).toBeUndefined();
    expect(withoutAccount(atGithub, { ...olive, accounts: { github: "olive-o" } })).toBeUndefined();
    expect(withoutAccount(atGithub, olive)?.refusal).toMatchObject({
      rule: "account-known",
      hint: "Add accounts: { github: … } to olive in the catalog.",
    });
  });

  const days = ["mon", "tue", "wed", "thu", "fri"] as const;
  const office = { zone: "Europe/Berlin", windows: [{ days: [...days], from: "09:00", to: "17:00" }] };

  it("12: begins within its hours, by the clock of their zone, and within a week", () => {
    const { rule } = ruleWith({ hours: office });
    const at = (text: string) => ask({ startAt: new Date(text) });
    const judged = (text: string) => ruleOf(judgeAsk(rule, at(text), none, now));
    expect(ruleOf(judgeAsk(rule, ask(), none, now))).toBe("allowed");
    expect(judged("2026-11-25T15:59:59Z")).toBe("allowed");
    expect(judged("2026-11-25T16:00:00Z")).toBe("hours");
    expect(judged("2026-11-28T10:00:00Z")).toBe("hours");
    expect(judged("2026-11-25T09:59:59Z")).toBe("start-to-come");
    expect(judged("2026-12-02T10:00:01Z")).toBe("start-within-a-week");
    expect(judged("2099-01-01T10:00:00Z")).toBe("start-within-a-week");
    const late = judgeAsk(rule, ask(), none, new Date("2026-11-27T18:00:00Z"));
    expect(late.ok ? "" : `${late.refusal.message} ${late.refusal.hint}`).toBe(
      "readonly on orders-db is given mon–fri 09:00–17:00 (Europe/Berlin) only. It opens Mon 30 Nov 2026 09:00 Europe/Berlin (UTC+1): ask then, or now with --at.",
    );
  });

  it("ends with its hours, however long was asked for", () => {
    const { rule } = ruleWith({ hours: office });
    const grant = { terms: rule.terms, notAfter: null } as Grant;
    expect(endOf(grant, 3_600_000, new Date("2026-11-25T15:30:00Z"))).toEqual(
      new Date("2026-11-25T16:00:00Z"),
    );
    expect(endOf(grant, 600_000, new Date("2026-11-25T15:30:00Z"))).toEqual(new Date("2026-11-25T15:40:00Z"));
  });

  it("approved after hours is claimed when they begin again", () => {
    const { rule } = ruleWith({ hours: office });
    const grant = { terms: rule.terms, notAfter: null, startAt: null } as Grant;
    const hourMs = 3_600_000;
    expect(approvedState(grant, [], 900_000, new Date("2026-11-27T20:00:00Z"), hourMs)).toMatchObject({
      claimFrom: new Date("2026-11-30T08:00:00Z"),
      claimBy: new Date("2026-11-30T09:00:00Z"),
    });
    expect(approvedState(grant, [], 900_000, now, hourMs).claimFrom).toEqual(now);
    const always = { ...grant, terms: { ...rule.terms, hours: undefined } };
    expect(approvedState(always, [], 900_000, new Date("2026-11-27T20:00:00Z"), hourMs).claimFrom).toEqual(
      new Date("2026-11-27T20:00:00Z"),
    );
  });

  it("needs a ticket that exists and is open where one of ours is named", () => {
    const { rule } = ruleWith({ ticketRequired: true });
    const judged = (reason: string, open: string[] = []) =>
      ruleOf(judgeAsk(rule, ask({ reason }), { ...none, namedAndOpen: open }, now));
    expect(judged("INC-42 stuck")).toBe("allowed");
    expect(judged("T-7 stuck", ["T-7"])).toBe("allowed");
    expect(judged("T-7 and T-8", ["T-8"])).toBe("allowed");
    for (const reason of ["T-7 stuck", "because", "as in G-3", "inc-42"])
      expect(judged(reason), reason).toBe("ticket-required");
  });

  it("needs an open incident where the rule says so, and is refused when nobody can say", () => {
    const { rule } = ruleWith({ incidentRequired: true });
    const judged = (paging: string[] | undefined) => ruleOf(judgeAsk(rule, ask(), { ...none, paging }, now));
    expect([judged(["T-7"]), judged([]), judged(undefined)]).toEqual([
      "allowed",
      "incident-required",
      "incident-readable",
    ]);
    const later = ask({ startAt: new Date(now.getTime() + 60 * minuteMs) });
    expect(ruleOf(judgeAsk(rule, later, { ...none, paging: ["T-7"] }, now))).toBe("incident-now");
  });

  it("13: stays under the total cap with all extensions, its border included", () => {
    const { rule } = ruleWith({ durationMax: 60 * minuteMs, totalDurationMax: 90 * minuteMs });
    const judged = (before: number) =>
      ruleOf(judgeAsk(rule, ask({ totalBeforeMs: before * minuteMs }), none, now));
    expect([judged(75), judged(76), judged(90)]).toEqual([
      "allowed",
      "total-duration-max",
      "total-duration-max",
    ]);
  });

  it("30: is judged by terms that are kept whole, so that a later policy changes nothing", () => {
    const automatic = { durationMax: 10 * minuteMs, swapSettle: 60 * minuteMs };
    const { rule, catalog } = ruleWith({
      quorum: 2,
      hours: office,
      stepUp: true,
      reciprocal: "barred",
      automatic,
      requesterPeople: ["lena"],
      approverPeople: ["olive"],
    });
    expect(rule.terms).toMatchObject({
      team: "storefront",
      quorum: 2,
      hours: office,
      stepUp: true,
      reciprocal: "barred",
      automatic: { durationMaxMs: 10 * minuteMs, swapSettleMs: 60 * minuteMs },
      requesterPeople: ["lena"],
      approverPeople: ["olive"],
    });
    expect(ruleText(catalog, rule.terms)).toBe(
      "may be asked for by storefront, payments, Lena Lind and needs 2 approvals by leads of storefront or Olive Okafor, freshly signed in at the console, for 1h at most, 4h with extensions; at once for who is on call while something pages, for 10m; mon–fri 09:00–17:00 (Europe/Berlin).",
    );
  });
});

describe("32: approval at once", () => {
  const terms: Pick<Terms, "automatic"> = {
    automatic: { durationMaxMs: 30 * minuteMs, swapSettleMs: 24 * 60 * minuteMs },
  };
  const well: Circumstances = {
    personId: "olive",
    isOwnRequest: true,
    isForLater: false,
    askedMs: 15 * minuteMs,
    totalBeforeMs: 0,
    duty: { team: "storefront", personId: "olive" },
    paging: ["T-7", "T-9"],
  };
  const judged = (more: Partial<Circumstances>) => judgeAutomatic(terms, { ...well, ...more }, now);

  it("is for who is on call while something pages, and says which ticket it was", () => {
    expect(judged({})).toEqual({
      is: "given",
      basis: { is: "automatic", team: "storefront", ticket: "T-7" },
    });
    expect(judgeAutomatic({}, well, now)).toEqual({ is: "manual" });
  });

  const swapped = (agoMs: number) => ({
    duty: { team: "storefront", personId: "olive", takenOverAt: after(-agoMs) },
  });
  const dayMs = 24 * 60 * minuteMs;
  it.each<[string, Partial<Circumstances>, string]>([
    ["the on-call API is down", { duty: undefined }, "who is on call cannot be read now"],
    ["tickets cannot be read", { paging: undefined }, "what pages cannot be read now"],
    ["nobody is on call", { duty: null }, "only who is on call gets it at once"],
    [
      "somebody else is on call",
      { duty: { team: "storefront", personId: "dev" } },
      "only who is on call gets it at once",
    ],
    ["nothing pages", { paging: [] }, "nothing pages on its service"],
    ["the shift was swapped to oneself just now", swapped(0), "the shift was taken over less than 1d ago"],
    ["a moment before that settled", swapped(dayMs - 1), "the shift was taken over less than 1d ago"],
    ["somebody else asks for them", { isOwnRequest: false }, "somebody else asked"],
    ["it is for later", { isForLater: true }, "it is to begin later"],
    ["it is longer", { askedMs: 30 * minuteMs + 1 }, "at once is for 30m at most, extensions included"],
    [
      "extensions make it longer",
      { totalBeforeMs: 20 * minuteMs },
      "at once is for 30m at most, extensions included",
    ],
  ])("is left to a person when %s", (_, more, why) => {
    expect(judged(more)).toEqual({ is: "manual", why });
  });

  it("counts a swap once it has settled, and time up to its border", () => {
    expect(judged(swapped(dayMs)).is).toBe("given");
    expect(judged({ totalBeforeMs: 15 * minuteMs }).is).toBe("given");
  });
});

describe("a step-up role", () => {
  const parts = { platform: { publicUrl: "http://q.test" } } as Parameters<typeof notProven>[0];
  const asked = (stepUp: boolean) => ({
    id: "G-1" as Grant["id"],
    role: "readwrite",
    resource: "orders-db",
    terms: { stepUp } as Terms,
  });
  const lena: Actor = { team: "T0LOCAL", person: "U0LEAD", door: "slack" };
  const refused = (actor: Actor, stepUp = true) => notProven(parts, asked(stepUp), actor, now)?.refusal;

  it("is approved at the console within ten minutes of a sign-in, and by no other door", () => {
    const fresh = (ageMs: number): Actor => ({ ...lena, door: "console", confirmedAt: after(-ageMs) });
    for (const actor of [fresh(0), fresh(stepUpMs)]) expect(refused(actor)).toBeUndefined();
    const stale: Actor[] = [
      fresh(stepUpMs + 1),
      fresh(-1),
      { ...lena, door: "console" },
      lena,
      { ...lena, door: "terminal" },
      // What no console session says counts for nothing.
      { ...lena, confirmedAt: now },
    ];
    for (const actor of stale) expect(refused(actor)?.rule).toBe("step-up");
    expect(refused(lena)?.hint).toContain("http://q.test/sign-in?fresh=1&next=");
    expect(refused(lena, false)).toBeUndefined();
  });

  it("is led to sign in for the very approval that was asked for, its shorter time too", () => {
    const lineOf = (about: { seen?: string; durationMs?: number }) => {
      const url = /http\S+$/.exec(notProven(parts, asked(true), lena, now, about)?.refusal.hint ?? "")?.[0];
      const next = new URL(url ?? "").searchParams.get("next") ?? "";
      return new URL(next, parts.platform.publicUrl).searchParams.get("line");
    };
    expect(lineOf({ seen: "1f2e", durationMs: 90 * minuteMs })).toBe("access approve G-1 1h30m --seen 1f2e");
    expect(lineOf({ seen: "1f2e" })).toBe("access approve G-1 --seen 1f2e");
  });
});

describe("what would do instead", () => {
  const catalogWith = (): Catalog => {
    const { catalog } = ruleWith({});
    const [resource] = catalog.resources;
    const [readonly, readwrite] = resource?.roles ?? [];
    if (!resource || !readonly || !readwrite) throw new Error("no roles");
    readonly.narrowerThan = ["readwrite"];
    catalog.resources.push({
      ...structuredClone(resource),
      name: "orders-replica",
      roles: [{ ...structuredClone(readonly), name: "ro", policy: { ...readonly.policy, quorum: 0 } }],
    });
    return catalog;
  };
  const asked = { resource: "orders-db", role: "readwrite", reason: "INC-42 fix", service: "shop" };

  it("are the roles declared narrower, and those that did for the same ticket or in the same words", () => {
    const earlier = (id: string, role: string, reason: string) =>
      ({ id, role, reason, resource: "orders-db", askedMs: 15 * minuteMs }) as Grant;
    const had = [
      earlier("G-9", "audit", "other words"),
      earlier("G-8", "readonly", "again INC-42"),
      earlier("G-7", "readwrite", "INC-42"),
      earlier("G-6", "export", "inc-42  FIX"),
    ];
    expect(narrowerRoles(catalogWith(), asked).map(({ role }) => role)).toEqual(["readonly"]);
    expect(narrowerRoles(catalogWith(), { ...asked, role: "readonly" })).toEqual([]);
    expect(didBefore(asked, had).map(({ id }) => id)).toEqual(["G-8", "G-6"]);
    expect(narrowerLines(catalogWith(), asked, had)).toEqual([
      "Narrower: readonly (read every table of orders).",
      "Did for this before: readonly, 15m on G-8; export, 15m on G-6.",
    ]);
  });

  it("is what needs no approval on the same service, for who may ask for it", () => {
    const found = (personId: string) =>
      withoutApproval(catalogWith(), { ...asked, personId }).map(
        ({ resource, role }) => `${resource} ${role}`,
      );
    expect(found("dev")).toEqual(["orders-replica ro"]);
    expect(found("nobody")).toEqual([]);
  });
});
