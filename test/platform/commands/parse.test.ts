import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { parseLine } from "../../../src/platform/commands/parse.ts";
import { arg, argsOf, defineCommand, flagsOf, partsOf } from "../../../src/platform/commands/spec.ts";
import { context, now, specs } from "./specs.ts";

const minuteMs = 60_000;
const parse = (line: string, more: Partial<typeof context> = {}) =>
  parseLine(line, specs, { ...context, ...more });

function read(line: string, more: Partial<typeof context> = {}) {
  const decision = parse(line, more);
  if (!decision.ok) throw new Error(`${line}: ${decision.refusal.message} ${decision.refusal.hint}`);
  const { spec, args, flags, echo, isBare } = decision.value;
  return { name: spec.name, args, flags, echo, isBare };
}

function refused(line: string, more: Partial<typeof context> = {}) {
  const decision = parse(line, more);
  if (decision.ok)
    throw new Error(`${line} was read as ${decision.value.spec.name} ${JSON.stringify(decision.value.args)}`);
  return decision.refusal;
}

const production = { service: "shop", environment: "production", isDefault: true };
const shop = { is: "service", ...production };
const forMs = (durationMs: number) => ({
  durationMs,
  until: new Date(now.getTime() + durationMs),
  hasFixedEnd: false,
});
const fridayNine = new Date("2026-11-27T08:00:00Z");

describe("the commands of the house", () => {
  const lines: [
    line: string,
    name: string,
    args: Record<string, unknown>,
    flags?: Record<string, unknown>,
  ][] = [
    ["", "mine", {}],
    ["   ", "mine", {}],
    ["help", "help", {}],
    ["help rollout start", "help", { command: "rollout start" }],
    ["status", "status", {}],
    ["status shop", "status", { target: shop }],
    ["status R-12", "status", { target: { is: "id", kind: "rollout", id: "R-12" } }],
    ["why g4", "why", { target: { is: "id", kind: "grant", id: "G-4" } }],
    ["why shop", "why", { target: shop }],
    ["alerts --since 24h", "alerts", {}, { since: 1_440 * minuteMs }],
    ["alerts shop --since=90s", "alerts", { service: production }, { since: 90_000 }],
    ["ack T-7", "ack", { ticket: "T-7" }],
    ["resolve t7 restarted it", "resolve", { ticket: "T-7", note: "restarted it" }],
    ["mark T-7 noise", "mark", { ticket: "T-7", as: "noise" }],
    [
      "mute T-7 2h known bug --pages",
      "mute",
      { target: { is: "id", kind: "ticket", id: "T-7" }, time: forMs(120 * minuteMs), reason: "known bug" },
      { pages: true },
    ],
    [
      "mute shop 1h30m known",
      "mute",
      { target: shop, time: forMs(90 * minuteMs), reason: "known" },
      { pages: false },
    ],
    ["unmute shop", "unmute", { target: shop }],
    ["page shop checkout is down", "page", { whom: shop, reason: "checkout is down" }],
    ["page storefront all hands", "page", { whom: { is: "team", team: "storefront" }, reason: "all hands" }],
    ["page @olive all hands", "page", { whom: { is: "person", person: "olive" }, reason: "all hands" }],
    ["oncall", "oncall", {}],
    ["oncall storefront", "oncall", { target: { is: "team", team: "storefront" } }],
    [
      "oncall override storefront <@U0DEV|dev> 2h --at fri 09:00",
      "oncall override",
      { team: "storefront", person: "dev", time: forMs(120 * minuteMs) },
      { at: fridayNine },
    ],
    ["runbook", "runbook", {}],
    ["runbook shop high-error-rate", "runbook", { service: production, name: "high-error-rate" }],
    ["runbook high-error-rate shop", "runbook", { service: production, name: "high-error-rate" }],
    [
      'runbook shop pod=a-1 restart note="two words"',
      "runbook",
      { service: production, name: "restart", values: { pod: "a-1", note: "two words" } },
    ],
    ["runbook verify high-error-rate works", "runbook verify", { name: "high-error-rate", note: "works" }],
    ["rollout start shop v42", "rollout start", { service: production, version: "v42" }],
    [
      "rollout start shop v42 --change C4 --steps 1,10,50,100 --hold 10m --deadline 2h",
      "rollout start",
      { service: production, version: "v42" },
      { change: "C-4", steps: [1, 10, 50, 100], hold: 10 * minuteMs, deadline: 120 * minuteMs },
    ],
    ["canary start shop v42", "rollout start", { service: production, version: "v42" }],
    ["canary shop", "rollout status", { target: shop }],
    ["rollout", "rollout status", {}],
    ["rollout R-12", "rollout status", { target: { is: "id", kind: "rollout", id: "R-12" } }],
    ["rollout list", "rollout list", {}],
    ["rollout history shop", "rollout history", { target: shop }],
    [
      "rollout pause r-12 looks odd",
      "rollout pause",
      { target: { is: "id", kind: "rollout", id: "R-12" }, reason: "looks odd" },
    ],
    [
      "rollout promote R-12 --full",
      "rollout promote",
      { target: { is: "id", kind: "rollout", id: "R-12" } },
      { full: true },
    ],
    [
      "rollout extend shop 1h slow traffic",
      "rollout extend",
      { target: shop, time: forMs(60 * minuteMs), reason: "slow traffic" },
    ],
    ["rollback shop", "rollback", { service: production }],
    ["rollback shop v41", "rollback", { service: production, version: "v41" }],
    ["rollback shop checkout is broken", "rollback", { service: production, reason: "checkout is broken" }],
    [
      "rollback shop v41 checkout is broken",
      "rollback",
      { service: production, version: "v41", reason: "checkout is broken" },
    ],
    ["deploys --since 7d", "deploys", {}, { since: 7 * 1_440 * minuteMs }],
    ["slo shop", "slo", { service: production }],
    [
      "incident start shop sev2 Checkout fails",
      "incident start",
      { service: production, severity: "sev2", title: "Checkout fails" },
    ],
    ["incident I-3", "incident show", { incident: "I-3" }],
    ["incident update I-3 found it", "incident update", { incident: "I-3", text: "found it" }],
    ["incident role I-3 lead @olive", "incident role", { incident: "I-3", role: "lead", person: "olive" }],
    [
      "access request orders-db readonly 15m INC-42 stuck orders",
      "access request",
      { resource: "orders-db", role: "readonly", time: forMs(15 * minuteMs), reason: "INC-42 stuck orders" },
    ],
    [
      "access request orders-db readonly until fri 09:00 audit --for @dev",
      "access request",
      {
        resource: "orders-db",
        role: "readonly",
        time: { durationMs: fridayNine.getTime() - now.getTime(), until: fridayNine, hasFixedEnd: true },
        reason: "audit",
      },
      { for: "dev" },
    ],
    ["access approve G-4", "access approve", { grant: "G-4" }],
    ["access approve G-4 10m", "access approve", { grant: "G-4", time: forMs(10 * minuteMs) }],
    ["access deny G-4 use the replica", "access deny", { grant: "G-4", reason: "use the replica" }],
    [
      "access offer G-4 readonly 15m",
      "access offer",
      { grant: "G-4", role: "readonly", time: forMs(15 * minuteMs) },
    ],
    ["access return G-4", "access return", { grant: "G-4" }],
    [
      "access break-glass orders-db readwrite 15m data loss",
      "access break-glass",
      { resource: "orders-db", role: "readwrite", time: forMs(15 * minuteMs), reason: "data loss" },
    ],
    ["access mine", "access mine", {}],
    ["access", "access mine", {}],
    ["access list @lena", "access list", { target: { is: "person", person: "lena" } }],
    ["access list orders-db", "access list", { target: { is: "resource", resource: "orders-db" } }],
    [
      "access report storefront --since 30d",
      "access report",
      { team: "storefront" },
      { since: 30 * 1_440 * minuteMs },
    ],
    ["change new shop v42", "change new", { service: production, version: "v42" }],
    ["change new v42", "change new", { version: "v42" }],
    ["gate C-9", "gate", { change: "C-9" }],
    ["gate approve C-9 looked at it", "gate approve", { change: "C-9", reason: "looked at it" }],
    [
      "gate waive C-9 tests 2h flaky",
      "gate waive",
      { change: "C-9", finding: "tests", time: forMs(120 * minuteMs), reason: "flaky" },
    ],
    ["preflight shop v42", "preflight", { service: production, version: "v42" }],
    ["signoff C-9", "signoff", { change: "C-9" }],
    ["freeze", "freeze list", {}],
    [
      "freeze start all 2h sale",
      "freeze start",
      { target: { is: "all" }, time: forMs(120 * minuteMs), reason: "sale" },
    ],
    ["freeze end F-2 sale over", "freeze end", { freeze: "F-2", reason: "sale over" }],
    [
      "metrics storefront --since 30d",
      "metrics",
      { target: { is: "team", team: "storefront" } },
      { since: 30 * 1_440 * minuteMs },
    ],
    [
      "audit @dev --action access.granted --since 24h",
      "audit",
      { target: { is: "person", person: "dev" } },
      { action: "access.granted", since: 1_440 * minuteMs },
    ],
    ["shop", "status", { target: shop }],
    ["R-12", "status", { target: { is: "id", kind: "rollout", id: "R-12" } }],
  ];

  it.each(lines)("reads `%s`", (line, name, args, flags = {}) => {
    const found = read(line);
    expect(found).toMatchObject({ name, flags: { dryRun: false, yes: false, ...flags } });
    expect(found.args).toEqual(args);
  });

  it("reads every declared example as its own command", () => {
    for (const spec of specs) expect(read(spec.example).name).toBe(spec.name);
  });
});

describe("what phones, Macs and Slack do to a line", () => {
  it("takes curly quotes as quotes and drops them", () => {
    expect(read("resolve T-7 “restarted it”").args).toEqual({ ticket: "T-7", note: "restarted it" });
  });

  it("keeps an apostrophe and quotes inside a reason as they are", () => {
    expect(read('resolve T-7 it\'s the "replica" again').args).toEqual({
      ticket: "T-7",
      note: 'it\'s the "replica" again',
    });
  });

  it.each(["—dry-run", "–dry-run", "--dry-run", "—DRY-RUN"])(
    "reads %s as the flag, wherever it stands",
    (flag) => {
      for (const line of [
        `${flag} rollback shop`,
        `rollback ${flag} shop`,
        `rollback shop v41 bad ${flag}`,
      ]) {
        expect(read(line)).toMatchObject({ name: "rollback", flags: { dryRun: true, yes: false } });
      }
    },
  );

  it("reads a flag with a value in front of the command and between noun and verb", () => {
    expect(read("--since 24h alerts shop")).toMatchObject({
      name: "alerts",
      flags: { since: 1_440 * minuteMs },
    });
    expect(read("rollout --hold 10m start shop v42")).toMatchObject({
      name: "rollout start",
      flags: { hold: 10 * minuteMs },
    });
  });

  it("leaves a dash in a reason alone when it names no flag", () => {
    expect(read("resolve T-7 slow — retried —twice").args.note).toBe("slow — retried —twice");
  });

  it("takes nothing behind a bare -- and nothing in quotes for a flag", () => {
    expect(read("resolve T-7 -- tried --force")).toMatchObject({
      args: { note: "tried --force" },
      flags: { yes: false },
    });
    expect(read('resolve T-7 "tried --yes"')).toMatchObject({
      args: { note: "tried --yes" },
      flags: { yes: false },
    });
  });

  it("does not mind a capital first letter", () => {
    expect(read("Rollback Shop").args).toEqual({ service: production });
  });

  it("undoes Slack's escapes in a reason", () => {
    const { args } = read(
      "resolve T-7 asked <@U0DEV|dev> in <#C0OPS|ops>: a &lt; b &amp; see <https://x.example/a|here>",
    );
    expect(args.note).toBe("asked @dev in #ops: a < b & see https://x.example/a");
  });

  it("removes what cannot be seen from a reason", () => {
    expect(read("resolve T-7 a\u202eb\u200bc\u0000d").args.note).toBe("abcd");
  });

  it("knows people by mention, id, full name, first name and e-mail", () => {
    for (const typed of [
      "<@U0ONCALL>",
      "<@U0ONCALL|Olive Okafor>",
      "@olive",
      "@Olive.Okafor",
      "@oliveokafor",
      "@olive.o",
    ]) {
      expect(read(`page ${typed} help`).args.whom).toEqual({ is: "person", person: "olive" });
    }
  });
});

describe("targets and defaults", () => {
  it("echoes the default environment, and nothing when it was typed", () => {
    expect(read("slo shop").echo).toEqual(["shop@production (default environment)"]);
    const typed = read("slo shop@staging");
    expect(typed.args).toEqual({ service: { service: "shop", environment: "staging", isDefault: false } });
    expect(typed.echo).toEqual([]);
  });

  it("echoes the absolute end of a time in the typist's zone", () => {
    expect(read("mute T-7 until fri 09:00 sale").echo).toEqual([
      "until Fri 27 Nov 2026 09:00 Europe/Berlin (UTC+1)",
    ]);
    expect(read("mute T-7 90s sale", { zone: "America/New_York" }).echo).toEqual([
      "until Mon 23 Nov 2026 04:01:30 America/New_York (UTC-5)",
    ]);
  });

  it("opens a modal for a bare command only where the door has one", () => {
    expect(read("access request")).toMatchObject({ isBare: true, args: {} });
    expect(read("access request --yes")).toMatchObject({ isBare: true, flags: { yes: true } });
    expect(refused("access request", { hasModals: false }).rule).toBe("missing-argument");
  });

  it("gives typed arguments and flags back", () => {
    const mute = defineCommand({
      name: "mute",
      args: z.object({ target: arg.target("T"), time: arg.time(), reason: arg.rest().optional() }),
      flags: z.object({ pages: arg.switch() }),
      role: "responder",
      summary: "Mutes.",
      example: "mute T-7 2h",
      acts: true,
    });
    const parsed = parseLine("mute T-7 2h --pages --yes", [mute], context);
    if (!parsed.ok) throw new Error(parsed.refusal.message);
    const durationMs: number = argsOf(mute, parsed.value).time.durationMs;
    const { pages, yes }: { pages: boolean; yes: boolean } = flagsOf(mute, parsed.value);
    expect({ durationMs, pages, yes }).toEqual({ durationMs: 120 * minuteMs, pages: true, yes: true });
  });

  it("finds a field that is not built from arg.* when the command is looked at", () => {
    expect(() => partsOf(z.object({ name: z.string() }))).toThrow(/"name".*arg\./);
  });
});

describe("refusals", () => {
  const table: [line: string, rule: string, text: RegExp][] = [
    [
      "rollbck shop",
      "unknown-command",
      /"rollbck" is not a command.*Did you mean rollback\? Example: rollback shop/,
    ],
    ["shpo", "unknown-command", /Did you mean shop\?/],
    ["xyzzyplugh", "unknown-command", /Write help/],
    ["rollout strat shop v42", "unknown-verb", /Did you mean rollout start\?/],
    ["rollback", "missing-argument", /rollback needs <service>.*Example: rollback shop/],
    ["rollout start shop", "missing-argument", /needs <version>.*Example: rollout start shop v42/],
    ["access deny G-4", "missing-argument", /needs <reason>/],
    ["rollback shpo", "unknown-service", /<service>: "shpo" is not a service.*Did you mean shop\?/],
    ["slo shop@prodution", "unknown-environment", /Did you mean production\?/],
    ["status shop@moon", "unknown-environment", /not an environment of shop/],
    [
      "access request shop readonly 15m INC-42",
      "service-for-resource",
      /Resources of shop: orders-db, orders-replica/,
    ],
    ["access list shop", "service-for-resource", /orders-replica/],
    ["access approve R-4", "id-of-other-kind", /"R-4" is a rollout.*a grant \(G-12\)/],
    ["rollout pause G-4", "id-of-other-kind", /is a grant/],
    ["ack seven", "not-an-id", /a ticket \(T-12\)/],
    ["mark T-7 nosie", "not-a-choice", /Did you mean noise\?/],
    ["page @nobody help", "unknown-person", /nobody the catalog knows/],
    ["page <@U0STRANGER> help", "unknown-person", /U0STRANGER/],
    ["access list @lena.l", "unknown-person", /Did you mean/],
    ["alerts --sinc 24h", "unknown-flag", /Did you mean --since\?/],
    ["alerts --since", "missing-value", /--since needs a value/],
    ["alerts --since --yes", "missing-value", /--since needs a value/],
    ["alerts --since 24h --since 2h", "flag-twice", /stands twice/],
    ["alerts --dry-run", "nothing-to-confirm", /only shows/],
    ["rollback shop --yes=no", "flag-value", /takes no value/],
    ["slo shop please", "word-too-many", /"please" is one word too many/],
    ["rollout start shop v42 --steps 10,5", "not-steps", /rising/],
    ["rollout start shop v42 --steps 0,100", "not-steps", /rising/],
    ["runbook shop a=1 a=2", "key-twice", /a=/],
    ['access request orders-db "; DROP ROLE x; --" 15m now', "not-a-name", /is not a name/],
  ];

  it.each(table)("answers `%s` by rule %s", (line, rule, text) => {
    const refusal = refused(line);
    expect(refusal.rule).toBe(rule);
    expect(`${refusal.message} ${refusal.hint}`).toMatch(text);
  });

  it.each([
    "15",
    "-1",
    "0",
    "0m",
    "1e9h",
    "NaN",
    "0x10",
    "9007199254740992",
    "9007199254740992s",
    "1.5h",
    "1h1h",
    "30m1h",
    "١٥m",
    "15 m",
    "PT1H",
    "367d",
    "999999999d",
    "15M",
    "+15m",
    "tomorrow",
    "until",
    "until fri",
    "until 9:00",
    "until 24:00",
    "until 2026-02-30 09:00",
  ])("does not read `%s` as a time", (time) => {
    expect(refused(`access request orders-db readonly ${time} because`).rule).toMatch(
      /^(not-a-time|ascii-names)$/,
    );
  });

  it.each(["shоp", "ｓhop", "sh\u200bop", "\u212ahop"])("refuses the look-alike `%s`", (name) => {
    expect(refused(`rollback ${name}`).rule).toBe("ascii-names");
  });

  it("names both people when a name fits two", () => {
    const people = context.people
      .filter(({ id }) => id !== "lena")
      .concat({ id: "ll", name: "Lena Lind", slackUserIds: [] });
    expect(refused("page @lena help", { people })).toMatchObject({
      rule: "ambiguous-person",
      hint: expect.stringContaining("Write one of @lena2, @ll."),
    });
  });

  it("refuses lines and reasons past their lengths, and takes them at the border", () => {
    expect(refused(`resolve T-7 ${"a".repeat(4_000)}`).rule).toBe("line-too-long");
    expect(refused(`resolve T-7 ${"a".repeat(3_001)}`).rule).toBe("text-too-long");
    expect(read(`resolve T-7 ${"a".repeat(3_000)}`).args.note).toHaveLength(3_000);
  });

  it("never repeats unseen characters of what was typed", () => {
    expect(refused("shop\u202eevil\u0007").message).not.toMatch(/[\p{Cc}\u202e]/u);
  });
});

describe("any text", () => {
  it("is read or refused, never thrown at", () => {
    const words = fc.constantFrom(
      ...specs.flatMap(({ example }) => example.split(" ")),
      "--",
      "—yes",
      "--since",
      "--at",
      "--for=",
      '"',
      "“",
      "'",
      "<@U0DEV>",
      "<@",
      "=",
      "a=",
      "__proto__=1",
      "__proto__",
      "constructor",
      "until",
      "fri",
      "\ud800",
      "\u0000",
      "@",
      "shop@",
      "T-0",
      "R-99999999999",
    );
    const line = fc.oneof(
      fc.string({ unit: "binary", maxLength: 200 }),
      fc.array(words, { maxLength: 12 }).map((some) => some.join(" ")),
    );
    fc.assert(
      fc.property(line, (text) => {
        const decision = parse(text);
        if (decision.ok) {
          expect(decision.value.spec.name).not.toBe("");
          return;
        }
        expect(decision.refusal.rule).toMatch(/^[a-z-]+$/);
        expect(decision.refusal.message).not.toBe("");
      }),
      { numRuns: 1_500 },
    );
  });

  it("means the same however flags and white space are placed", () => {
    const base = read("rollout start shop v42 --hold 10m --yes");
    const flagWords = ["--yes", "--hold=10m"];
    fc.assert(
      fc.property(
        fc.array(fc.nat(4), { minLength: 2, maxLength: 2 }),
        fc.constantFrom(" ", "  ", "\t", "\u00a0"),
        (places, space) => {
          const words = ["rollout", "start", "shop", "v42"];
          places.forEach((place, index) => {
            words.splice(place, 0, flagWords[index] ?? "");
          });
          expect(read(words.join(space))).toEqual(base);
        },
      ),
    );
  });
});
