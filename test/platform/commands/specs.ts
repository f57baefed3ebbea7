import { z } from "zod";
import type { GrammarContext } from "../../../src/platform/commands/context.ts";
import {
  arg,
  type CommandSpec,
  defineCommand,
  type Role,
  type Shape,
} from "../../../src/platform/commands/spec.ts";

/** Monday, 23 November 2026, 10:00 in Berlin. */
export const now = new Date("2026-11-23T09:00:00Z");

export const context: GrammarContext = {
  now,
  zone: "Europe/Berlin",
  services: [
    { name: "shop", environments: ["production", "staging"], defaultEnvironment: "production" },
    { name: "payments", environments: ["production"], defaultEnvironment: "production" },
  ],
  resources: [
    { name: "orders-db", service: "shop" },
    { name: "orders-replica", service: "shop" },
  ],
  teams: ["storefront", "payments"],
  people: [
    { id: "olive", name: "Olive Okafor", email: "olive.o@example.com", slackUserIds: ["U0ONCALL"] },
    { id: "lena", name: "Lena Lind", slackUserIds: ["U0LEAD"] },
    { id: "dev", name: "Dev Dara", slackUserIds: ["U0DEV"] },
    { id: "lena2", name: "Lena Lorenz", slackUserIds: ["U0OTHER"] },
  ],
  hasModals: true,
};

const shows = <A extends Shape, F extends Shape>(
  name: string,
  example: string,
  args: A,
  more: { flags?: F; aliases?: string[] } = {},
): CommandSpec =>
  defineCommand({
    name,
    example,
    args,
    role: "anyone",
    summary: `Shows: ${name}.`,
    acts: false,
    ...more,
  }) as CommandSpec;

const does = <A extends Shape, F extends Shape>(
  name: string,
  example: string,
  args: A,
  more: { flags?: F; role?: Role; opensModal?: boolean; aliases?: string[] } = {},
): CommandSpec =>
  defineCommand({
    name,
    example,
    args,
    summary: `Does: ${name}.`,
    acts: true,
    role: "responder",
    ...more,
  }) as CommandSpec;

const service = () => z.object({ service: arg.service() });
const serviceMaybe = () => z.object({ service: arg.service().optional() });
const rolloutTarget = () => arg.target("service", "R");
const since = () => z.object({ since: arg.duration().optional() });
const reason = { reason: arg.rest() };
const reasonMaybe = { reason: arg.rest().optional() };

/** The commands of the house, as their features would declare them. */
export const specs: CommandSpec[] = [
  shows("mine", "mine", z.object({}), { aliases: [""] }),
  shows("help", "help rollout", z.object({ command: arg.rest().optional() })),
  shows("status", "status shop", z.object({ target: arg.target("service", "id").optional() })),
  shows("why", "why R-12", z.object({ target: arg.target("id", "service") })),
  shows("alerts", "alerts shop --since 24h", serviceMaybe(), { flags: since() }),
  does("ack", "ack T-7", z.object({ ticket: arg.id("T") })),
  does("resolve", "resolve T-7", z.object({ ticket: arg.id("T"), note: arg.rest().optional() })),
  does("mark", "mark T-7 noise", z.object({ ticket: arg.id("T"), as: arg.choice(["actioned", "noise"]) })),
  does(
    "mute",
    "mute T-7 2h known",
    z.object({ target: arg.target("T", "service"), time: arg.time(), ...reason }),
    {
      flags: z.object({ pages: arg.switch() }),
    },
  ),
  does("unmute", "unmute shop", z.object({ target: arg.target("T", "service") })),
  does(
    "page",
    "page shop checkout is down",
    z.object({ whom: arg.target("service", "team", "person"), ...reason }),
  ),
  shows("oncall", "oncall shop", z.object({ target: arg.target("service", "team").optional() })),
  does(
    "oncall override",
    "oncall override storefront @dev 2h",
    z.object({ team: arg.team(), person: arg.person(), time: arg.time() }),
    {
      flags: z.object({ at: arg.instant().optional() }),
      role: "lead",
    },
  ),
  shows(
    "runbook",
    "runbook shop high-error-rate",
    z.object({
      service: arg.service().optional(),
      name: arg.word().optional(),
      values: arg.pairs().optional(),
    }),
  ),
  ...["verify", "helped", "outdated"].map((verb) =>
    does(
      `runbook ${verb}`,
      `runbook ${verb} high-error-rate`,
      z.object({ name: arg.word(), note: arg.rest().optional() }),
    ),
  ),
  does(
    "rollout start",
    "rollout start shop v42",
    z.object({ service: arg.service(), version: arg.version() }),
    {
      aliases: ["canary start"],
      flags: z.object({
        change: arg.id("C").optional(),
        steps: arg.steps().optional(),
        hold: arg.duration().optional(),
        deadline: arg.duration().optional(),
      }),
    },
  ),
  shows("rollout status", "rollout status shop", z.object({ target: rolloutTarget().optional() }), {
    aliases: ["canary"],
  }),
  shows("rollout list", "rollout list", z.object({ target: rolloutTarget().optional() })),
  shows("rollout history", "rollout history shop", z.object({ target: rolloutTarget().optional() })),
  ...["pause", "resume", "revert"].map((verb) =>
    does(`rollout ${verb}`, `rollout ${verb} shop`, z.object({ target: rolloutTarget(), ...reasonMaybe }), {
      aliases: [`canary ${verb}`],
    }),
  ),
  does("rollout promote", "rollout promote R-12", z.object({ target: rolloutTarget() }), {
    flags: z.object({ full: arg.switch() }),
  }),
  does(
    "rollout extend",
    "rollout extend R-12 1h slow traffic",
    z.object({ target: rolloutTarget(), time: arg.time(), ...reason }),
  ),
  does(
    "rollback",
    "rollback shop",
    z.object({ service: arg.service(), version: arg.version().optional(), ...reasonMaybe }),
  ),
  shows("deploys", "deploys shop --since 7d", serviceMaybe(), { flags: since() }),
  shows("slo", "slo shop", serviceMaybe()),
  does(
    "incident start",
    "incident start shop sev2 Checkout fails",
    z.object({
      service: arg.service(),
      severity: arg.choice(["sev1", "sev2", "sev3", "sev4"]),
      title: arg.rest(),
    }),
    { opensModal: true },
  ),
  ...["list", "show", "resolve", "review"].map((verb) =>
    shows(`incident ${verb}`, `incident ${verb} I-3`, z.object({ incident: arg.id("I").optional() })),
  ),
  does(
    "incident update",
    "incident update I-3 found it",
    z.object({ incident: arg.id("I"), text: arg.rest() }),
  ),
  does(
    "incident role",
    "incident role I-3 lead @olive",
    z.object({ incident: arg.id("I"), role: arg.word(), person: arg.person() }),
  ),
  does(
    "access request",
    "access request orders-db readonly 15m INC-42",
    z.object({ resource: arg.resource(), role: arg.word(), time: arg.time(), ...reason }),
    {
      flags: z.object({ for: arg.person().optional(), at: arg.instant().optional() }),
      role: "anyone",
      opensModal: true,
    },
  ),
  does(
    "access approve",
    "access approve G-4",
    z.object({ grant: arg.id("G"), time: arg.time().optional() }),
    { role: "lead" },
  ),
  ...["deny", "revoke"].map((verb) =>
    does(
      `access ${verb}`,
      `access ${verb} G-4 use the replica`,
      z.object({ grant: arg.id("G"), ...reason }),
      { role: "lead" },
    ),
  ),
  does(
    "access offer",
    "access offer G-4 readonly 15m",
    z.object({ grant: arg.id("G"), role: arg.word(), time: arg.time() }),
    { role: "lead" },
  ),
  does(
    "access extend",
    "access extend G-4 15m not done",
    z.object({ grant: arg.id("G"), time: arg.time(), ...reason }),
  ),
  does("access return", "access return G-4", z.object({ grant: arg.id("G") })),
  does(
    "access break-glass",
    "access break-glass orders-db readwrite 15m data loss",
    z.object({ resource: arg.resource(), role: arg.word(), time: arg.time(), ...reason }),
  ),
  does("access review", "access review G-4 all fine", z.object({ grant: arg.id("G"), text: arg.rest() }), {
    role: "lead",
  }),
  shows("access mine", "access mine", z.object({}), { aliases: ["access"] }),
  shows(
    "access list",
    "access list orders-db",
    z.object({ target: arg.target("resource", "person").optional() }),
  ),
  shows("access report", "access report storefront", z.object({ team: arg.team().optional() }), {
    flags: since(),
  }),
  does(
    "change new",
    "change new shop v42",
    z.object({ service: arg.service().optional(), version: arg.version().optional() }),
    { opensModal: true },
  ),
  shows("change list", "change list shop", serviceMaybe()),
  shows("gate", "gate C-9", z.object({ change: arg.id("C") })),
  ...["approve", "reject", "emergency"].map((verb) =>
    does(`gate ${verb}`, `gate ${verb} C-9 looked at it`, z.object({ change: arg.id("C"), ...reason }), {
      role: "lead",
    }),
  ),
  does(
    "gate waive",
    "gate waive C-9 tests 2h flaky",
    z.object({ change: arg.id("C"), finding: arg.word(), time: arg.time(), ...reason }),
    { role: "lead" },
  ),
  shows("preflight", "preflight shop v42", z.object({ service: arg.service(), version: arg.version() })),
  does("signoff", "signoff C-9", z.object({ change: arg.id("C"), text: arg.rest().optional() })),
  shows("freeze list", "freeze list", z.object({})),
  does(
    "freeze start",
    "freeze start all until fri 09:00 sale",
    z.object({ target: arg.target("service", "team", "all"), time: arg.time(), ...reason }),
    { role: "lead" },
  ),
  does("freeze end", "freeze end F-2 sale over", z.object({ freeze: arg.id("F"), ...reason }), {
    role: "lead",
  }),
  shows("metrics", "metrics shop", z.object({ target: arg.target("service", "team").optional() }), {
    flags: since(),
  }),
  shows(
    "audit",
    "audit shop --since 24h",
    z.object({ target: arg.target("service", "id", "person").optional() }),
    {
      flags: z.object({ action: arg.word().optional(), since: arg.duration().optional() }),
    },
  ),
  shows("scale", "scale shop", service()),
];
