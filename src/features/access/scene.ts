/** What a card shows beside the grant: read while its row is locked. */
import { environmentsOf, person as personOf, teamsOf } from "../../catalog/lookup.ts";
import type { Tx } from "../../platform/db/database.ts";
import { narrowerLines } from "./alternatives.ts";
import type { Scene } from "./cards.ts";
import { countedApprovals, type Grant } from "./model.ts";
import { readReview } from "./review-store.ts";
import type { Room } from "./room.ts";
import { listGrants } from "./store.ts";
import { approverIdsOf } from "./terms.ts";

const earlierMax = 50;
/** What a card counts as lately. */
const lateMs = 30 * 86_400_000;

export async function sceneOf(
  { platform, freezes }: Pick<Room, "platform" | "freezes">,
  tx: Tx,
  grant: Grant,
): Promise<Scene> {
  const catalog = platform.catalogs.current();
  const review = grant.basis.is === "break-glass" ? await readReview(tx.trx, grant.id) : undefined;
  const scene: Scene = { catalog, publicUrl: platform.publicUrl, now: tx.now, review };
  // Who decides is told what stands; the decision is theirs.
  if (grant.state.is !== "requested") return scene;
  const { service, personId } = grant;
  const environment = service === null ? undefined : environmentsOf(catalog, service)[0];
  const frozen =
    service !== null && environment !== undefined
      ? await freezes.lines(tx.trx, { service, environment, at: tx.now })
      : [];
  const earlier = await listGrants(tx.trx, {
    personId,
    resource: grant.resource,
    states: ["ended"],
    limit: earlierMax,
  });
  const done = countedApprovals(grant).map((one) => one.personId);
  const canApprove = approverIdsOf(catalog, grant.terms)
    .filter((id) => id !== personId && id !== grant.askedById && !done.includes(id))
    .map((id) => personOf(catalog, id)?.name ?? id);
  return {
    ...scene,
    frozen,
    teams: teamsOf(catalog, personId).map(({ name }) => name),
    had: earlier.filter(({ requestedAt }) => requestedAt.getTime() > tx.now.getTime() - lateMs).length,
    narrower: narrowerLines(catalog, grant, earlier),
    canApprove,
  };
}
