/** Opening: the runbook meant, live, in the thread it was asked in. */
import { environmentsOf, owningTeam, personBySlack, teamsOf } from "../../catalog/lookup.ts";
import type { Catalog } from "../../catalog/schema.ts";
import { suggestion } from "../../platform/commands/nearest.ts";
import type { ServiceTarget } from "../../platform/commands/spec.ts";
import type { CommandContext, Reply } from "../../platform/feature.ts";
import { parseIdOf } from "../../platform/ids.ts";
import { channelLink, escapeText } from "../../platform/messages/blocks.ts";
import { allow, type Decision, refuse } from "../../platform/refusal.ts";
import { cardKeyOf, type Ticket } from "../tickets/index.ts";
import { buttonLabel, openedCard, type Suggestion, suggestionReply } from "./cards.ts";
import { gather } from "./gather.ts";
import { chooseRunbook, noVoices, ownerOf, runbooksOf, trustOf } from "./model.ts";
import type { Runbook } from "./read.ts";
import { pageOf, type Room } from "./room.ts";
import { messageKeyAt, readVoices, readVoicesOf } from "./store.ts";
import { withProblem } from "./words.ts";

export interface Asked {
  service: ServiceTarget | undefined;
  name: string | undefined;
  pairs: Readonly<Record<string, string>>;
}

const suggestionsMax = 5;
const ticketPair = "ticket";

export async function openRunbook(
  room: Room,
  asked: Asked,
  context: CommandContext,
): Promise<Decision<Reply>> {
  const { platform, rooms } = room;
  const { catalog, place } = context;
  const { ticket: ticketWord, ...inputs } = asked.pairs;
  const ticket = await ticketMeant(room, ticketWord, context);
  if (!ticket.ok) return ticket;
  if (!ticket.value && !asked.service && asked.name === undefined)
    return Object.keys(inputs).length > 0
      ? refuse({
          rule: "runbook-named",
          message: "Values were given, but no runbook or service.",
          hint: "Example: runbook shop high-error-rate",
        })
      : allow(await suggest(room, context));

  const shelf = await room.library.shelf();
  const chosen = await choose(room, shelf.runbooks, asked, ticket.value, catalog);
  if (!chosen.ok) return chosen;
  const runbook = chosen.value;
  const known = checkInputs(runbook, inputs);
  if (!known.ok) return known;

  const service =
    asked.service?.service ??
    ticket.value?.service ??
    soleService(runbook, place.channel, catalog, context.actor.team);
  const environment =
    asked.service?.environment ??
    ticket.value?.environment ??
    environmentsOf(catalog, service ?? "")[0] ??
    "";
  const at = platform.clock.now();
  const [gathered, voices] = await Promise.all([
    service === undefined
      ? undefined
      : gather(rooms, {
          runbook,
          service,
          environment,
          catalog,
          at,
          deadlineMs: catalog.policies.runbook.deadline,
          log: platform.log,
        }),
    readVoicesOf(platform.database.db, runbook.name),
  ]);
  const { text, blocks, chart } = openedCard({
    runbook,
    gathered,
    catalog,
    slackTeam: context.actor.team,
    owner: ownerOf(runbook, catalog),
    trust: trustOf(runbook, voices, catalog, at),
    ticket: ticket.value?.id,
    since: ticket.value?.since,
    url: pageOf(platform, runbook.name),
    others: runbooksOf(shelf.runbooks, service, catalog)
      .filter((other) => other !== runbook)
      .map(({ name }) => name),
    problem: runbook.template ? undefined : withProblem(shelf.problems, runbook.file),
    variables: {
      ...inputs,
      service,
      environment: service === undefined ? undefined : environment,
      team: service === undefined ? undefined : owningTeam(catalog, service).name,
      ticket: ticket.value?.id,
      alert: ticket.value?.name,
    },
  });

  const target = ticket.value
    ? { channel: ticket.value.channel, parent: cardKeyOf(ticket.value.id) }
    : { channel: place.channel, thread: place.thread };
  // A terminal and a direct message have no thread that others read: the answer itself is the runbook.
  if (!ticket.value && (context.actor.door !== "slack" || !/^[CG]/.test(place.channel)))
    return allow({ text, blocks });
  await platform.database.tx(
    async (tx) => {
      tx.say({ key: `runbook:${context.inboxId}`, ...target, text, blocks, chart, urgent: true });
      tx.audit({
        actor: context.actor,
        action: "runbook.opened",
        subject: runbook.name,
        service,
        ...(ticket.value ? { detail: { ticket: ticket.value.id } } : {}),
      });
    },
    { inboxId: context.inboxId },
  );
  const title = escapeText(runbook.front.title, 80);
  if (context.actor.door !== "slack") return allow({ text, blocks });
  return allow({
    text: `Opened the runbook ${title}${ticket.value ? ` in the thread of ${ticket.value.id} in ${channelLink(target.channel)}` : ""}.`,
    silent: place.channel === target.channel,
  });
}

/** The one named, else the one in whose thread this was written. */
async function ticketMeant(
  { platform, rooms }: Room,
  word: string | undefined,
  { place }: CommandContext,
): Promise<Decision<Ticket | undefined>> {
  if (word === undefined) {
    const key =
      place.thread === undefined
        ? undefined
        : await messageKeyAt(platform.database.db, place.channel, place.thread);
    const id = parseIdOf("ticket", key?.split(":").at(-1) ?? "");
    return allow(id !== undefined && cardKeyOf(id) === key ? await rooms.tickets.ticketOf(id) : undefined);
  }
  const id = parseIdOf("ticket", word);
  const ticket = id && (await rooms.tickets.ticketOf(id));
  return ticket
    ? allow(ticket)
    : refuse({
        rule: "known-ticket",
        message: `There is no ticket ${word.slice(0, 40)}.`,
        hint: "Write ticket=T-3, or leave it out.",
      });
}

async function choose(
  { platform, rooms }: Room,
  runbooks: readonly Runbook[],
  asked: Asked,
  ticket: Ticket | undefined,
  catalog: Catalog,
): Promise<Decision<Runbook>> {
  const service = asked.service?.service ?? ticket?.service ?? undefined;
  if (asked.name !== undefined) return chooseRunbook(runbooks, { name: asked.name, service }, catalog);
  const group = ticket && (await rooms.alerts.readGroup(platform.database.db, ticket.groupId));
  return chooseRunbook(runbooks, { service, alert: ticket?.name, labels: group?.labels }, catalog);
}

function checkInputs(runbook: Runbook, inputs: Readonly<Record<string, string>>): Decision<void> {
  const known = Object.entries(runbook.front.inputs);
  const unknown = Object.keys(inputs).find((name) => !Object.hasOwn(runbook.front.inputs, name));
  if (unknown === undefined) return allow(undefined);
  const names = [...known.map(([name]) => name), ticketPair];
  return refuse({
    rule: "known-input",
    message: `${runbook.name} takes no ${unknown.slice(0, 60)}=.`,
    hint: `${suggestion(unknown, names)} It takes ${[...known.map(([name, about]) => `${name}= (${about})`), `${ticketPair}=`].join(", ")}.`.trim(),
  });
}

/** The only service the runbook is for, or the only one whose alerts come to this channel. */
function soleService(
  { front }: Runbook,
  channel: string,
  catalog: Catalog,
  slackTeam: string,
): string | undefined {
  if (front.services.length === 1) return front.services[0];
  const here = catalog.channels.find(({ slack }) => slack[slackTeam] === channel)?.name;
  const services = catalog.services.filter(
    ({ name, alertChannel }) =>
      here !== undefined &&
      (alertChannel ?? owningTeam(catalog, name).alertChannel) === here &&
      (front.services.length === 0 || front.services.includes(name)),
  );
  return services.length === 1 ? services[0]?.name : undefined;
}

/** For the asker's services: open tickets with the runbook of each, and all runbooks there are. */
async function suggest(
  { platform, rooms, library }: Room,
  { catalog, actor }: CommandContext,
): Promise<Reply> {
  const { runbooks } = await library.shelf();
  const asker = personBySlack(catalog, actor.team, actor.person);
  const teams = new Set(asker ? teamsOf(catalog, asker.id).map(({ name }) => name) : []);
  const services = catalog.services.filter(({ team }) => teams.has(team));
  const [voices, ...open] = await Promise.all([
    readVoices(
      platform.database.db,
      runbooks.map(({ name }) => name),
    ),
    ...services.map(({ name }) => rooms.tickets.openTicketsOf(name)),
  ]);
  const suggestions = open
    .flat()
    .slice(0, suggestionsMax)
    .map((ticket): Suggestion => {
      const service = ticket.service ?? undefined;
      const found = chooseRunbook(runbooks, { service, alert: ticket.name }, catalog);
      const mark = ticket.pagedAt === null ? "🟠" : "🔴";
      return {
        ticket: {
          id: ticket.id,
          text: `${mark} ${ticket.id} ${escapeText(service ?? "unknown service", 63)} · ${escapeText(ticket.name, 100)}`,
        },
        verb: found.ok
          ? {
              label: buttonLabel(ticket.id, found.value.name),
              line: ["runbook", service, found.value.name, `ticket=${ticket.id}`].filter(Boolean).join(" "),
            }
          : undefined,
      };
    });
  const now = platform.clock.now();
  return suggestionReply(
    suggestions,
    runbooks.map((runbook) => ({
      runbook,
      trust: trustOf(runbook, voices.get(runbook.name) ?? noVoices, catalog, now),
    })),
  );
}
