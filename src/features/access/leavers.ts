/**
 * Who left the workspace, the catalog or every team that may ask keeps nothing. What Slack cannot say now takes nothing
 * away: it is asked again in a minute.
 */
import { onlyIfKnown } from "../../platform/authz.ts";
import { systemActor } from "../../platform/people.ts";
import { SlackError } from "../../platform/slack/client.ts";
import { lapse } from "./claim.ts";
import { startEnding } from "./end.ts";
import type { Grant, GrantId } from "./model.ts";
import { type Room, requesterIn } from "./room.ts";
import { type Holder, openHolders, readGrant } from "./store.ts";
import { requesterName } from "./words.ts";

/** People asked of Slack in one look: `users.info` is Tier 4, some hundred a minute, and others call it too. */
const askedMax = 60;

/** Everybody with something open. */
export async function endLostRights(room: Room): Promise<void> {
  const holders = await openHolders(room.platform.database.db);
  const people = [...new Set(holders.map(({ person }) => person))];
  // With more people than may be asked about at once, each look begins elsewhere.
  const from = people.length > askedMax ? Math.floor(room.platform.random() * people.length) : 0;
  const asked = new Set([...people.slice(from), ...people.slice(0, from)].slice(0, askedMax));
  const gone = new Set<string>();
  for (const person of asked) if (await hasLeft(room, person)) gone.add(person);
  await look(room, holders, gone);
}

/** One person, by Slack id: Slack said that something changed. */
export async function endOf(room: Room, person: string): Promise<void> {
  const holders = (await openHolders(room.platform.database.db)).filter((one) => one.person === person);
  if (holders.length === 0) return;
  await look(room, holders, new Set((await hasLeft(room, person)) ? [person] : []));
}

async function look(room: Room, holders: readonly Holder[], gone: ReadonlySet<string>): Promise<void> {
  /** Rules whose groups were read afresh in this look, and whether they could be. */
  const read = new Map<string, boolean>();
  for (const holder of holders) {
    const why = gone.has(holder.person) ? "left" : await lostRight(room, holder, read);
    if (why !== undefined) for (const id of holder.grants) await take(room, id, why);
  }
}

/** Deactivated in Slack; false when Slack cannot say. */
async function hasLeft({ platform }: Room, person: string): Promise<boolean> {
  try {
    const { user } = await platform.slack.call<{ user?: { deleted?: boolean } }>("users.info", {
      user: person,
    });
    return user?.deleted === true;
  } catch (error) {
    if (!(error instanceof SlackError)) throw error;
    return false;
  }
}

async function lostRight(
  room: Room,
  { grants, rule }: Holder,
  read: Map<string, boolean>,
): Promise<"unknown" | "no-team" | undefined> {
  const { platform } = room;
  const [one] = grants;
  const grant = one && (await readGrant(platform.database.db, one));
  if (grant === undefined) return undefined;
  const known = onlyIfKnown(platform.catalogs.current(), { ...grant.requester, door: "console" });
  if (!known.ok || known.value.id !== grant.personId) return "unknown";
  // Its groups were unreadable a moment ago: nobody is asked again, nobody loses anything.
  if (read.get(rule) === false) return undefined;
  const isIn = (isFresh: boolean) => requesterIn(platform, grant.requester, grant.terms, { isFresh });
  const first = !read.has(rule);
  let answer = await isIn(first);
  // What was remembered may be nothing at all: only Slack's own word of now takes something away.
  if (answer === "no" && !first) answer = await isIn(true);
  read.set(rule, answer !== "unreadable");
  return answer === "no" ? "no-team" : undefined;
}

async function take(room: Room, id: GrantId, because: "left" | "unknown" | "no-team"): Promise<void> {
  await room.platform.database.tx(async (tx) => {
    const locked = await readGrant(tx.trx, id, { lock: true });
    if (locked === undefined) return;
    const why = whyText(room, locked, because);
    if (locked.state.is === "requested" || locked.state.is === "approved") await lapse(room, tx, locked, why);
    else await startEnding(room, tx, locked, { is: "rights-lost", why }, systemActor);
  });
}

function whyText({ platform }: Room, grant: Grant, because: "left" | "unknown" | "no-team"): string {
  const name = requesterName(platform.catalogs.current(), grant);
  switch (because) {
    case "left":
      return `${name} left the workspace`;
    case "unknown":
      return `${name} is not in the catalog any more`;
    case "no-team":
      return `${name} is in no team that may have it any more`;
  }
}
