/**
 * One ticket brought to its provider: opened if it is not there, its words and state, who is on it; read back; then
 * recorded. Every step may be done again after a crash.
 */
import { personBySlack } from "../../catalog/lookup.ts";
import type { Catalog } from "../../catalog/schema.ts";
import { ProviderError, RateLimited } from "../../providers/errors.ts";
import type { ExternalTicket, Note, TicketContent, Ticketing } from "../../providers/ticketing/contract.ts";
import { adopt } from "./adopt.ts";
import { spanText } from "./cards.ts";
import { subjectOf, type Ticket, type TicketId } from "./model.ts";
import { adoptionOf, isBuiltin, type Outside, systemOf } from "./outside.ts";
import { readOutside, writeOutside } from "./outside-store.ts";
import { show, type TicketParts } from "./room.ts";
import { readTicket, ticketTables } from "./store.ts";
import { suspectTexts } from "./suspect-words.ts";
import { servicesHit } from "./whole.ts";

export type Refusal = "rejected" | "conflict" | "not_found";

/** Trying again at once will not help, and the next ticket may do better. */
export const isRefusal = (error: ProviderError): error is ProviderError & { code: Refusal } =>
  error.code === "rejected" || error.code === "conflict" || error.code === "not_found";

/** One ticket, whatever is wanted of it. Answers until when it must wait, if it cannot be brought out yet. */
export async function bringOut(parts: TicketParts, id: TicketId): Promise<Date | undefined> {
  const { database, catalogs, clock } = parts.platform;
  const ticket = await readTicket(database.db, id);
  if (ticket === undefined || ticket.publishedVersion >= ticket.wantedVersion) return undefined;
  const provider = parts.ticketing(ticket.provider);
  const content = contentOf(ticket, catalogs.current());
  if (isBuiltin(catalogs.current(), ticket.provider))
    return void (await publishHere(parts, provider, ticket, content));
  const outside = await readOutside(database.db, id);

  let key = ticket.externalKey;
  let agreed = outside.agreed;
  if (key !== null) {
    const shown = await provider.read(key);
    if (shown === undefined) {
      // Deleted there. A closed one is let be; an open one is opened anew.
      if (ticket.state === "closed") return void (await record(parts, ticket, outside, undefined));
      key = null;
    } else if (["close", "reopen"].includes(adoptionOf(ticket, outside.agreed, shown.state))) {
      await database.tx((tx) => adopt(tx, parts, id, shown, null));
      return clock.now();
    }
  }
  if (key === null) {
    const opened = await open(parts, provider, ticket, outside, content);
    if ("waitUntil" in opened) return opened.waitUntil;
    key = opened.key;
    agreed = "open";
  }

  const shown = await bring(provider, key, ticket, content);
  const toldTaken = await tellWhoIsOnIt(parts, provider, key, ticket, outside);
  await record(parts, ticket, { ...outside, agreed, toldTaken }, shown);
  return undefined;
}

/** Brings it there and reads it back: its word is not taken. */
async function bring(
  provider: Ticketing,
  key: string,
  ticket: Ticket,
  content: TicketContent,
): Promise<ExternalTicket> {
  if (ticket.state === "closed") await provider.close(key, closingNote(ticket));
  else await provider.update(key, content, ticket.id);
  const shown = await provider.read(key);
  if (shown?.state !== ticket.state)
    throw new ProviderError(
      "conflict",
      `${ticket.provider} shows ${ticket.id} as ${shown?.state ?? "missing"} after it was asked for ${ticket.state}`,
      "Look at the ticket there: a rule of the project may have moved it.",
    );
  return shown;
}

/** The built-in store: one of our own tables, which nobody else changes and which is never away. */
async function publishHere(
  { platform }: TicketParts,
  provider: Ticketing,
  ticket: Ticket,
  content: TicketContent,
): Promise<void> {
  const key = ticket.externalKey ?? (await provider.create(content, ticket.id, null)).key;
  const shown = await bring(provider, key, ticket, content);
  await recordVersion(ticketTables(platform.database.db), ticket, shown);
}

/** Two steps: that it is tried is a row before the call, so that after a crash it is looked for first. */
async function open(
  parts: TicketParts,
  provider: Ticketing,
  ticket: Ticket,
  outside: Outside,
  content: TicketContent,
): Promise<{ key: string } | { waitUntil: Date }> {
  const { database, clock } = parts.platform;
  const now = clock.now();
  const { triedAt } = outside;
  if (triedAt !== null && now.getTime() < triedAt.getTime() + provider.lookLagMs)
    return { waitUntil: new Date(triedAt.getTime() + provider.lookLagMs) };
  await writeOutside(database.db, { ...outside, triedAt: now }, now);
  try {
    const made = await provider.create(content, ticket.id, triedAt);
    await database.tx(async (tx) => {
      await ticketTables(tx.trx)
        .updateTable("tickets")
        .set({ external_key: made.key, external_url: made.url })
        .where("id", "=", ticket.id)
        .execute();
      await writeOutside(tx.trx, { ...outside, triedAt: null, agreed: made.state }, tx.now);
      const fresh = await readTicket(tx.trx, ticket.id);
      if (fresh) await show(tx, parts, fresh);
    });
    return made;
  } catch (error) {
    const isUnclear =
      !(error instanceof ProviderError) ||
      error.code === "timeout" ||
      (error.code === "unreachable" && !(error instanceof RateLimited));
    // Nothing was opened now; what an earlier try did is as unclear as before.
    if (!isUnclear) await writeOutside(database.db, { ...outside, triedAt }, clock.now());
    throw error;
  }
}

/** The version is there. */
async function record(
  parts: TicketParts,
  ticket: Ticket,
  outside: Outside,
  shown: ExternalTicket | undefined,
): Promise<void> {
  await parts.platform.database.tx(async (tx) => {
    await recordVersion(ticketTables(tx.trx), ticket, shown);
    const before = await readOutside(tx.trx, ticket.id);
    await writeOutside(
      tx.trx,
      {
        ...before,
        agreed: shown === undefined ? before.agreed : ticket.state,
        assignee: shown?.assignee ?? null,
        triedAt: null,
        error: null,
        failingSince: null,
        retryAt: null,
        isKeptOpen: before.isKeptOpen && ticket.state === "open",
        toldTaken: outside.toldTaken,
      },
      tx.now,
    );
    const hasNews = before.error !== null || before.assignee !== (shown?.assignee ?? null);
    const fresh = hasNews ? await readTicket(tx.trx, ticket.id) : undefined;
    if (fresh) await show(tx, parts, fresh);
  });
}

/** Nothing when a newer version was recorded meanwhile. */
async function recordVersion(
  own: ReturnType<typeof ticketTables>,
  ticket: Ticket,
  shown: Pick<ExternalTicket, "key" | "url"> | undefined,
): Promise<void> {
  await own
    .updateTable("tickets")
    .set({
      ...(shown === undefined ? {} : { external_key: shown.key, external_url: shown.url }),
      published_version: ticket.wantedVersion,
    })
    .where("id", "=", ticket.id)
    .where("published_version", "<", ticket.wantedVersion)
    .execute();
}

/** Says on the ticket outside who took it, and assigns it where the catalog knows their account. */
async function tellWhoIsOnIt(
  { platform }: TicketParts,
  provider: Ticketing,
  key: string,
  ticket: Ticket,
  outside: Outside,
): Promise<string | null> {
  const { takenBy, takenAt } = ticket;
  const catalog = platform.catalogs.current();
  if (takenBy === outside.toldTaken) return outside.toldTaken;
  if (takenBy === null) return null;
  const person = personBySlack(catalog, platform.slackTeam(), takenBy);
  const since = takenAt ?? ticket.changedAt;
  await provider.comment(key, {
    text: `${person?.name ?? takenBy} is on it.`,
    mark: `${ticket.id}/taken/${since.getTime()}`,
    since,
  });
  const kind = catalog.providers.ticketing.find(({ name }) => name === ticket.provider)?.kind;
  const account = kind === undefined || kind === "builtin" ? undefined : person?.accounts?.[kind];
  if (account !== undefined)
    try {
      await provider.assign(key, account);
    } catch (error) {
      // The words are there; an account that may not be assigned holds nothing up.
      if (!(error instanceof ProviderError) || !isRefusal(error)) throw error;
      platform.log.warn(
        { ticket: ticket.id, account, err: error },
        `${systemOf(catalog, ticket.provider)} does not assign the ticket to this account`,
      );
    }
  return takenBy;
}

function contentOf(ticket: Ticket, catalog: Catalog): TicketContent {
  const services = servicesHit(ticket.parts);
  return {
    title: `${subjectOf(ticket, catalog.organisation.defaultEnvironment)}: ${ticket.name}`,
    body: [
      ticket.summary,
      ticket.decision.words,
      services.length > 1 ? `Services: ${services.join(", ")}` : null,
      ...suspectTexts(ticket.suspects, catalog),
      ticket.note,
      ticket.link,
    ]
      .filter((part) => part !== null)
      .join("\n"),
    owner: ticket.team,
    severity: ticket.severity,
  };
}

function closingNote({ id, closedAt, since, closedNote }: Ticket): Note {
  const at = closedAt ?? since;
  return {
    text: [`Over after ${spanText(at.getTime() - since.getTime())}.`, closedNote]
      .filter((part) => part !== null)
      .join(" "),
    mark: `${id}/closed/${at.getTime()}`,
    since: at,
  };
}
