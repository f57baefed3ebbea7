import { expect } from "vitest";
import { isOver, type Rollout } from "../../../src/features/rollouts/model.ts";
import type { TestRoom } from "./harness.ts";

/**
 * The one assertion after every bad day: what the traffic is outside is what the record says, whoever moves it is who
 * the record names, and what had an effect had it once.
 */
export async function expectOutsideAsRecorded(room: TestRoom): Promise<void> {
  const ids = (await room.sql<{ id: string }>("select id from rollouts order by number")).map(({ id }) => id);
  const rollouts = await Promise.all(ids.map((id) => room.find(id)));
  const newest = new Map(rollouts.map((rollout) => [rollout.service, rollout]));
  const [outside, holders, reverted, deployed, open] = await Promise.all([
    Promise.all([...newest.keys()].map(async (service) => [service, await room.weights(service)] as const)),
    room.sql<{ service: string; holder: string | null }>("select service, holder from traffic_holders"),
    room.sql<{ id: string; n: string }>(
      "select subject as id, count(*) as n from audit where action = 'rollout.reverted' group by subject",
    ),
    room.sql<{ id: string; n: string }>(
      "select reference as id, count(*) as n from deploys where source = 'rollout' group by reference",
    ),
    room.sql<{ key: string }>("select key from rollout_effects where done_at is null and key like '%:back'"),
  ]);
  expect(Object.fromEntries(outside)).toEqual(
    Object.fromEntries([...newest].map(([service, rollout]) => [service, weightsDue(rollout)])),
  );
  for (const [service, rollout] of newest)
    expect(holders.find((one) => one.service === service)?.holder ?? null).toBe(
      isOver(rollout) ? null : rollout.id,
    );
  const ended = rollouts.filter(({ state }) => state.is === "reverted").map(({ id }) => [id, "1"]);
  expect(reverted.map(({ id, n }) => [id, n]).sort()).toEqual(ended.sort());
  for (const { n } of deployed) expect(n).toBe("1");
  expect(open).toEqual([]);
}

function weightsDue({ state, wayBack, marks, to }: Rollout): Record<string, number> {
  const last = marks.at(-1);
  const shares =
    state.is === "reverted" || last === undefined
      ? wayBack.versions
      : (last.versions ?? [{ version: to, weightPercent: last.weightPercent }]);
  return Object.fromEntries(shares.map(({ version, weightPercent }) => [version, weightPercent]));
}
