/** `/ops slo`: one line for each service, or one service's table and chart. */
import { z } from "zod";
import { zoneOf } from "../../catalog/lookup.ts";
import { onlyIfKnown } from "../../platform/authz.ts";
import { arg, argsOf, defineCommand } from "../../platform/commands/spec.ts";
import type { CommandContext, Reply } from "../../platform/feature.ts";
import { context, escapeText, link, section } from "../../platform/messages/blocks.ts";
import { allow, type Decision } from "../../platform/refusal.ts";
import type { BudgetPolicy } from "./policy.ts";
import { readShown, type SlosRoom } from "./shown.ts";
import { columns, leftText, tableHead, tableRows } from "./table.ts";
import type { Budget } from "./types.ts";
import { askedText, mark, usersLine } from "./words.ts";

export const sloSpec = defineCommand({
  name: "slo",
  args: z.object({ service: arg.service().optional() }),
  role: "anyone",
  acts: false,
  summary: "How much error budget is left, how fast it burns, and whether users hurt.",
  example: "slo shop",
});

/** Services told in chat; the console has the rest. */
const servicesMax = 20;

export function sloCommand(room: SlosRoom): (context: CommandContext) => Promise<Decision<Reply>> {
  return async (asked) => {
    const { service } = argsOf(sloSpec, asked.line);
    return allow(service ? await ofService(room, asked, service.service) : await ofAll(room));
  };
}

async function ofAll({ platform, slos }: SlosRoom): Promise<Reply> {
  const services = [...new Set(platform.catalogs.current().slos.map(({ service }) => service))];
  if (services.length === 0)
    return { text: "The catalog has no SLO yet. Declare one under `slos` in the catalog." };
  const found = [...(await slos.budgetsOf(services, platform.clock.now()))].sort((a, b) => rank(a) - rank(b));
  const lines = found.slice(0, servicesMax).map((budget) => `${headline(budget)} · ${leastLeft(budget)}`);
  const more = found.length - lines.length;
  const all = link(
    `${platform.publicUrl}/slo`,
    more > 0 ? `${more} more services` : "All of them with every window",
  );
  return { text: [...lines, all].join("\n") };
}

/** Who hurts first, then what is not known, then what is well with least left. */
function rank({ users, readings }: Budget): number {
  const least = Math.min(1, ...readings.flatMap(({ remaining }) => remaining ?? []));
  return { hurting: -1_000, unknown: -500, well: 0 }[users] + Math.max(-400, Math.min(400, least));
}

const headline = (budget: Budget): string =>
  `${mark(budget)} *${escapeText(budget.service)}* ${usersLine(budget)}`;

function leastLeft({ readings }: Budget): string {
  const known = readings.filter(({ remaining }) => remaining !== null);
  const unknown = readings.length - known.length;
  const least = [...known].sort((a, b) => (a.remaining ?? 0) - (b.remaining ?? 0))[0];
  return [
    `${readings.length} SLO${readings.length === 1 ? "" : "s"}`,
    ...(least ? [`least left: ${leftText(least)} of ${escapeText(least.slo)}`] : []),
    ...(unknown > 0 ? [`${unknown} unknown`] : []),
  ].join(", ");
}

async function ofService(room: SlosRoom, asked: CommandContext, service: string): Promise<Reply> {
  const { platform } = room;
  const { actor, place, catalog } = asked;
  const person = onlyIfKnown(catalog, actor);
  const zone = person.ok ? zoneOf(catalog, person.value.id) : catalog.organisation.timezone;
  const { budget, policy, chart } = await readShown(room, service, platform.clock.now(), zone);
  if (budget.readings.length === 0)
    return { text: `${escapeText(service)} has no SLO. Declare one under \`slos\` in the catalog.` };
  const url = `${platform.publicUrl}/slo/${encodeURIComponent(service)}`;
  const reply = budgetReply(budget, policy, url);
  // Only a channel's message takes a picture; a terminal and a direct message get the words.
  if (!chart || actor.door !== "slack" || !/^[CG]/.test(place.channel)) return reply;
  await platform.database.tx(
    async (tx) =>
      tx.say({
        key: `slo:${asked.inboxId}`,
        channel: place.channel,
        thread: place.thread,
        ...reply,
        chart,
        urgent: true,
      }),
    { inboxId: asked.inboxId },
  );
  return { ...reply, silent: true };
}

function budgetReply(budget: Budget, policy: BudgetPolicy, url: string): Pick<Reply, "text" | "blocks"> {
  const troubles = budget.readings.flatMap(({ slo, why, partial }) => {
    const said = why ?? (partial === undefined ? undefined : `partly: ${partial}`);
    return said === undefined ? [] : [`${escapeText(slo)}: ${escapeText(said, 200)}`];
  });
  const table = columns([tableHead, ...tableRows(budget)]).map((row) => escapeText(row, 200));
  const lines = [headline(budget), `${escapeText(askedText(budget, policy.words), 400)}.`];
  return {
    text: [...lines, ...table, ...troubles].join("\n"),
    blocks: [
      section(lines.join("\n")),
      section(`\`\`\`\n${table.join("\n")}\n\`\`\``),
      ...(troubles.length > 0 ? [context(...troubles.slice(0, 5))] : []),
      context(
        `${link(url, "Every window, and what went out")} · burn 1x spends the budget in exactly its window`,
      ),
    ],
  };
}
