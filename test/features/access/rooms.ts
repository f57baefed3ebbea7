/** The room on a real database, with a clock and a pager the test holds in its hands, and its worker's jobs. */

import { grammarOf } from "../../../src/catalog/grammar.ts";
import { loadCatalog } from "../../../src/catalog/load.ts";
import type { Catalog } from "../../../src/catalog/schema.ts";
import { readSettings } from "../../../src/config/config.ts";
import { claimGrant, revealSecret } from "../../../src/features/access/claim.ts";
import { createAccess } from "../../../src/features/access/index.ts";
import type { Grant, GrantId } from "../../../src/features/access/model.ts";
import type { Room } from "../../../src/features/access/room.ts";
import { readGrant } from "../../../src/features/access/store.ts";
import { createFreezes } from "../../../src/features/freezes/index.ts";
import type { OnDuty, PageRequest, Paging } from "../../../src/features/paging/index.ts";
import type { Ticket, Tickets } from "../../../src/features/tickets/index.ts";
import { createAuthz, type UsergroupMembers } from "../../../src/platform/authz.ts";
import { parseLine } from "../../../src/platform/commands/parse.ts";
import type { Wanted } from "../../../src/platform/messages/say.ts";
import type { Actor } from "../../../src/platform/people.ts";
import type { Platform } from "../../../src/platform/platform.ts";
import { refusalText } from "../../../src/platform/refusal.ts";
import { Runner } from "../../../src/platform/rings/runner.ts";
import { SecretBox } from "../../../src/platform/secretbox.ts";
import { SlackError } from "../../../src/platform/slack/client.ts";
import type { Accessor } from "../../../src/providers/accessors/contract.ts";
import { createAccessors } from "../../../src/providers/accessors/instances.ts";
import { SetClock, testDatabase } from "../../support/database.ts";
import { keptLog } from "../../support/silent-log.ts";
import { loginFrom } from "./orders.ts";

export const olive: Actor = { team: "T0LOCAL", person: "U0ONCALL", door: "slack" };
export const lena: Actor = { team: "T0LOCAL", person: "U0LEAD", door: "slack" };
export const dev: Actor = { team: "T0LOCAL", person: "U0DEV", door: "slack" };

/** A pager that keeps who was paged, one open page per key. */
class TestPaging implements Paging {
  /** Who has the duty, or that nobody can say. */
  duty: OnDuty | undefined | Error;
  readonly pages: PageRequest[] = [];
  readonly open = new Set<string>();
  async page(_tx: unknown, request: PageRequest): Promise<void> {
    if (this.open.has(request.dedupKey)) return;
    this.open.add(request.dedupKey);
    this.pages.push(request);
  }
  async acknowledge() {
    return { state: "not-open" as const };
  }
  async resolve(_tx: unknown, key: string): Promise<void> {
    this.open.delete(key);
  }
  async standing(_db: unknown, key: string) {
    return this.open.has(key)
      ? { state: "open" as const, acknowledgedBy: null, acknowledgedAt: null }
      : undefined;
  }
  async dutyOf() {
    if (this.duty instanceof Error) throw this.duty;
    return this.duty;
  }
  async onCall() {
    return [];
  }
}

/** Tickets a test opens; `unreadable` makes every look fail. */
class TestTickets implements Pick<Tickets, "openTicketsOf" | "ticketOf"> {
  readonly open = new Map<string, { service: string; pages: boolean }>();
  unreadable = false;
  async openTicketsOf(service: string) {
    if (this.unreadable) throw new Error("tickets are away");
    const ids = [...this.open].filter(([, one]) => one.service === service).map(([id]) => id);
    return ids.map((id) => this.ticket(id));
  }
  async ticketOf(id: string) {
    return this.open.has(id) ? this.ticket(id) : undefined;
  }
  private ticket(id: string): Ticket {
    const pagedAt = this.open.get(id)?.pages ? new Date(0) : null;
    return { id, state: "open", pagedAt, channel: "C0TICKETS" } as Ticket;
  }
}

export interface Answer {
  ok: boolean;
  rule: string;
  text: string;
}

export type AccessRoom = Awaited<ReturnType<typeof startAccess>>;

export async function startAccess(
  options: {
    ordersUrl?: string;
    env?: Readonly<Record<string, string>>;
    change?: (catalog: Catalog) => void;
    accessor?: (accessor: Accessor) => Accessor;
    usergroups?: UsergroupMembers;
  } = {},
) {
  // From the machine's own time: the provider bars a login by its own clock.
  const clock = new SetClock(new Date());
  const test = await testDatabase({}, clock);
  const loaded = await loadCatalog("config/sample", {});
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  let catalog = structuredClone(loaded.catalog);
  options.change?.(catalog);
  const listeners: (() => void)[] = [];
  const log = keptLog();
  const paging = new TestPaging();
  /** Slack ids of people whose accounts are deactivated; `unreachable`: Slack does not answer. */
  const slack = { left: new Set<string>(), isUnreachable: false };
  const platform = {
    settings: readSettings({}),
    slack: {
      call: async (method: string, { user }: { user: string }) => {
        if (slack.isUnreachable) throw new SlackError(method, { kind: "unreachable", code: "ECONNREFUSED" });
        return { ok: true, user: { id: user, deleted: slack.left.has(user) } };
      },
    },
    log,
    clock,
    database: test.database,
    random: () => 0.5,
    publicUrl: "http://q.test",
    box: new SecretBox("ab".repeat(32)),
    catalogs: {
      current: () => catalog,
      digest: () => "c0ffee",
      onSwitch: (listener: () => void) => void listeners.push(listener),
    },
    authz: createAuthz(() => catalog, options.usergroups ?? (async () => [])),
    slackTeam: () => "T0LOCAL",
    env: (name: string) => (name === "ORDERS_DB_URL" ? options.ordersUrl : options.env?.[name]),
  } as unknown as Platform;
  const accessors = createAccessors(platform, options.accessor);
  const freezes = createFreezes(platform).api;
  const tickets = new TestTickets();
  const feature = createAccess(platform, { accessors, paging, tickets, freezes });
  const room: Room = { platform, accessors, paging, tickets, freezes };
  const commands = feature.commands ?? [];

  /** What a person gets for a line; `press`: it came from a card's button. */
  const ask = async (actor: Actor, line: string, press = false): Promise<Answer> => {
    const parsed = parseLine(
      line,
      commands.map(({ spec }) => spec),
      grammarOf(catalog, {
        slackTeam: actor.team,
        slackUser: actor.person,
        typedAt: clock.now(),
        hasModals: false,
      }),
    );
    const refused = (refusal: Parameters<typeof refusalText>[0]): Answer => ({
      ok: false,
      rule: refusal.rule,
      text: refusalText(refusal),
    });
    if (!parsed.ok) return refused(parsed.refusal);
    const command = commands.find(({ spec }) => spec === parsed.value.spec);
    const decision = await command?.run({
      line: parsed.value,
      actor,
      catalog,
      inboxId: "",
      now: clock.now(),
      place: { channel: "C0OPS", messageTs: press ? "1.1" : undefined },
    });
    if (!decision) throw new Error(`no command for ${line}`);
    return decision.ok ? { ok: true, rule: "", text: decision.value.text } : refused(decision.refusal);
  };

  const jobs = feature.jobs ?? [];
  const runner = new Runner({ db: test.db, clock, log, random: () => 0.5 }, jobs);
  const known = new Set(jobs.map(({ name }) => name));
  /** Runs everything that is due, as a worker would, until nothing is. */
  const work = async (): Promise<void> => {
    for (let round = 0; round < 50; round += 1) {
      const due = (
        await test.db.selectFrom("rings").select(["id", "job"]).where("due_at", "<=", clock.now()).execute()
      ).filter(({ job }) => known.has(job));
      if (due.length === 0) return;
      await Promise.all(due.map(({ id }) => runner.run(id)));
    }
    throw new Error("there is always something due");
  };
  const run = async (job: string, ref = "schedule"): Promise<void> => {
    await jobs.find(({ name }) => name === job)?.run(ref, { attempt: 1 });
  };

  const grantOf = async (id: string): Promise<Grant> => {
    const grant = await readGrant(test.db, id);
    if (!grant) throw new Error(`no grant ${id}`);
    return grant;
  };
  /** What a message shows: its text and its blocks as JSON. */
  const said = async (key: string): Promise<string> => {
    const row = await test.db
      .selectFrom("messages")
      .select("wanted")
      .where("key", "=", key)
      .executeTakeFirst();
    const wanted = row?.wanted as Wanted | undefined;
    return wanted === undefined ? "" : `${wanted.text} ${JSON.stringify(wanted.blocks ?? [])}`;
  };
  /** The line behind a button of the card. */
  const buttonOf = async (id: string, label: string): Promise<string> => {
    const row = await test.db
      .selectFrom("messages")
      .select("wanted")
      .where("key", "=", `access:${id}`)
      .executeTakeFirstOrThrow();
    for (const block of (row.wanted as Wanted).blocks ?? [])
      for (const element of block.type === "actions" ? block.elements : [])
        if (element.type === "button" && element.text.text === label) return element.value ?? "";
    throw new Error(`${id} has no button ${label}`);
  };
  const audit = async (subject: string) =>
    (
      await test.db.selectFrom("audit").selectAll().where("subject", "=", subject).orderBy("seq").execute()
    ).map(({ action, person, body }) => ({ action, person, detail: JSON.parse(body).detail as object }));
  /** Asks as Dev and answers the id. */
  const request = async (words = "orders-db readonly 15m INC-42 stuck orders"): Promise<GrantId> => {
    const answer = await ask(dev, `access request ${words}`);
    const id = /^G-\d+/.exec(answer.text)?.[0];
    if (!answer.ok || id === undefined) throw new Error(answer.text);
    return id as GrantId;
  };
  /** Asked, approved, claimed, made, and its secret read. */
  const grant = async (words?: string) => {
    const id = await request(words);
    const approved = await ask(lena, `access approve ${id}`);
    if (!approved.ok) throw new Error(approved.text);
    const claimed = await claimGrant(room, id, dev);
    if (!claimed.ok) throw new Error(refusalText(claimed.refusal));
    await work();
    const revealed = await revealSecret(room, id, dev);
    if (!revealed.ok) throw new Error(refusalText(revealed.refusal));
    return { id, login: loginFrom(revealed.value) };
  };

  return {
    ...test,
    room,
    slack,
    feature,
    paging,
    tickets,
    log,
    ask,
    work,
    run,
    grantOf,
    said,
    buttonOf,
    audit,
    request,
    grant,
    catalog: () => catalog,
    /** Another catalog comes into force. */
    switchTo: (change: (next: Catalog) => void) => {
      catalog = structuredClone(catalog);
      change(catalog);
      for (const listener of listeners) listener();
    },
  };
}
