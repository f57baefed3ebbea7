/** A cause changed, or users may hurt by now: what is read of the outside before a ticket is settled. */
import { dependencyGraph } from "../../catalog/dependencies.ts";
import type { Job, Rerun } from "../../platform/rings/runner.ts";
import { Turns } from "../../platform/turns.ts";
import type { AlertGroup } from "../alerts/index.ts";
import { changedLatelyMs } from "./causes.ts";
import { unpagedMembers } from "./members.ts";
import type { Ticket } from "./model.ts";
import { followJob, type TicketParts } from "./room.ts";
import { type Asked, settle } from "./settle.ts";
import { newestTicket } from "./store.ts";
import { neighbourhood, type RecentChange } from "./suspects.ts";
import { isFiring, servicesHit } from "./whole.ts";

/** Changes are asked for this far back: an alert is heard of some minutes after it begins. */
const changesBackMs = changedLatelyMs + 30 * 60_000;
/** What the catalog's first version is recorded as, is no change anybody made. */
const firstVersionSource = "catalog";

export function followJobs(parts: TicketParts): Job[] {
  const { platform, alerts, slos, deploys } = parts;
  const { database, clock, log, catalogs } = platform;
  /** Causes of an environment are settled one at a time in any case; who waits here holds no connection. */
  const turns = new Turns();
  const settleInTurn = (group: AlertGroup, asked: Asked | undefined): Promise<Rerun> =>
    turns.take(group.environment, () => database.tx((tx) => settle(tx, parts, group.id, asked)));

  /** A budget that cannot be read is not known, which is a state of its own and never reads as healthy. */
  const askBudget = async (service: string | null): Promise<Omit<Asked, "changes">> => {
    if (service === null) return { whyNoBudget: "the catalog knows no service for it" };
    try {
      return { budget: await slos.budgetOf(service, clock.now()) };
    } catch (error) {
      log.warn({ err: error, service }, "the budget could not be read; the sender's severity decides");
      return {
        whyNoBudget: `its budget could not be read (${error instanceof Error ? error.message : String(error)})`,
      };
    }
  };

  const askChanges = async (services: readonly string[], environment: string): Promise<RecentChange[]> => {
    const graph = dependencyGraph(catalogs.current());
    const around = [...new Set(services.flatMap((name) => neighbourhood(name, graph)))];
    if (around.length === 0) return [];
    const since = new Date(clock.now().getTime() - changesBackMs);
    return (await deploys.recentChanges(around, since))
      .filter((change) => change.environment === environment && change.source !== firstVersionSource)
      .map(({ id, service, change, version, by, at }) => ({ id, service, change, version, by, at }));
  };

  const follow = async (groupId: string): Promise<Rerun> => {
    const group = await alerts.readGroup(database.db, groupId);
    if (group === undefined) return undefined;
    const standing = await newestTicket(database.db, groupId, { lock: false });
    // What pages already, or is over, needs no budget read in a storm.
    const isDecided = standing?.state === "open" && standing.pagedAt !== null;
    if (isDecided || !isFiring(group)) return settleInTurn(group, undefined);
    const [budget, changes] = await Promise.all([
      askBudget(group.service),
      askChanges(servicesAround(group.service, standing), group.environment),
    ]);
    return settleInTurn(group, { ...budget, changes });
  };

  const redecide = async (): Promise<undefined> => {
    const waiting = new Map<string, { groupId: string; users: string | null }[]>();
    for (const { service, ...member } of await unpagedMembers(database.db))
      waiting.set(service, [...(waiting.get(service) ?? []), member]);
    for (const [service, members] of waiting) {
      const { budget } = await askBudget(service);
      const changed = members.filter(({ users }) => (budget?.users ?? "not asked") !== users);
      if (changed.length === 0) continue;
      await database.tx(async (tx) => {
        for (const { groupId } of changed) tx.ring({ job: followJob, ref: groupId, lane: "normal" });
      });
    }
  };

  return [
    {
      name: followJob,
      about: "Brings a ticket to what its alerts say and decides whether it pages.",
      lane: "normal",
      leaseSec: 60,
      // A page must go out while all else waits.
      whileHeld: true,
      run: follow,
    },
    {
      name: "tickets.redecide",
      about: "Asks again whether users hurt, for each open ticket that does not page.",
      lane: "normal",
      leaseSec: 60,
      whileHeld: true,
      run: redecide,
    },
  ];
}

const servicesAround = (service: string | null, standing: Ticket | undefined): string[] => [
  ...new Set([
    ...(service === null ? [] : [service]),
    ...(standing?.state === "open" ? servicesHit(standing.parts) : []),
  ]),
];
