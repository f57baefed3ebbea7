/** Who moved the traffic since somebody looked, in the words of whoever is told. */
import type { Actor } from "../../platform/people.ts";
import { type Decision, refuse } from "../../platform/refusal.ts";
import { clockText, type Holder, nameOf } from "../rollouts/index.ts";
import type { Room } from "./room.ts";
import { listRollbacks } from "./store.ts";

export const changedRule = "bound-to-what-was-shown";

export function inTheWay(
  { platform }: Room,
  reader: Actor,
  { holder, what, by, since }: Holder,
): Decision<never> {
  const catalog = platform.catalogs.current();
  return refuse({
    rule: changedRule,
    message: `Changed since you looked: ${nameOf(catalog, by)} started ${what} ${holder} at ${clockText(catalog, reader, since)}. Nothing done.`,
    hint: what === "rollout" ? `To end it: rollout revert ${holder}.` : "Its card shows how it goes.",
  });
}

/** `@lead started v41 at 03:15:40. `; empty when nothing of ours moved it. */
export async function whoMovedIt(
  { platform, rollouts }: Room,
  { service, environment, actor }: { service: string; environment: string; actor: Actor },
): Promise<string> {
  const catalog = platform.catalogs.current();
  const [[rollback], [rollout]] = await Promise.all([
    listRollbacks(platform.database.db, { service, environment, limit: 1 }),
    rollouts.recent(service, 1, environment),
  ]);
  const moves = [
    ...(rollback ? [{ id: rollback.id, to: rollback.to, by: rollback.by, at: rollback.startedAt }] : []),
    ...(rollout ? [{ id: rollout.id, to: rollout.to, by: rollout.startedBy, at: rollout.startedAt }] : []),
  ].sort((a, b) => b.at.getTime() - a.at.getTime());
  const [last] = moves;
  return last
    ? `${nameOf(catalog, last.by)} started ${last.to} at ${clockText(catalog, actor, last.at)} (${last.id}). `
    : "";
}
