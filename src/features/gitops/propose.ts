/** Proposes in Git that the commit is taken back, so that the revert lasts once the self-heal begins again. */
import * as lookup from "../../catalog/lookup.ts";
import { systemActor } from "../../platform/people.ts";
import type { Rerun } from "../../platform/rings/runner.ts";
import { ProviderError, RateLimited } from "../../providers/errors.ts";
import { type Proposal as Request, repositoryAt } from "../../providers/scm/contract.ts";
import { type Proposal, proposeAt, type Stop } from "./model.ts";
import type { Room } from "./room.ts";
import { findStop, lockStop } from "./store.ts";

export async function proposeRevert(room: Room, thing: string): Promise<Rerun> {
  const { database } = room.platform;
  const stop = await findStop(database.db, thing);
  if (!stop || stop.proposal?.url !== undefined || stop.proposal?.isGivenUp) return undefined;
  const result = await propose(room, stop);
  return database.tx(async (tx): Promise<Rerun> => {
    const locked = await lockStop(tx.trx, thing);
    if (!locked || locked.proposal?.url !== undefined) return undefined;
    const attempts = (locked.proposal?.attempts ?? 0) + 1;
    const again = proposeAt(
      tx.now,
      attempts,
      result instanceof RateLimited ? result.retryAfterMs : undefined,
    );
    // Once the self-heal begins again, the commands in the thread are what there is.
    const isGivenUp = result instanceof ProviderError && (!isPassing(result) || again >= locked.dueAt);
    const proposal: Proposal =
      result instanceof ProviderError
        ? { error: result.message, attempts, isGivenUp }
        : { url: result.url, attempts, isGivenUp: false };
    await room.change(
      tx,
      { ...locked, proposal },
      proposal.url !== undefined || isGivenUp
        ? {
            actor: systemActor,
            action: proposal.url === undefined ? "gitops.not-proposed" : "gitops.proposed",
            reason: proposal.url ?? proposal.error,
          }
        : undefined,
    );
    return proposal.error === undefined || isGivenUp ? undefined : { again };
  });
}

async function propose({ platform, scms }: Room, stop: Stop): Promise<Request | ProviderError> {
  const { thing, service, source } = stop;
  const at = source && repositoryAt(source.repository);
  if (!source?.revision || !at)
    return new ProviderError("not_found", "which commit of which repository it was is not known", "");
  const instance = lookup.scmOf(platform.catalogs.current(), at.host);
  if (!instance)
    return new ProviderError(
      "not_found",
      `the catalog declares no scm for ${at.host}`,
      "Add it under providers.",
    );
  const { revision: applied, path } = source;
  try {
    const scm = scms.of(instance);
    // What was applied is the branch's head: what changed the service is the newest commit of its folder.
    const revision =
      path === null ? applied : await scm.newestCommit({ repository: at.path, revision: applied, path });
    if (revision === undefined)
      return new ProviderError("not_found", `no commit up to ${short(applied)} touches ${path}`, "");
    return await scm.proposeRevert({
      repository: at.path,
      revision,
      branch: `quarterdeck/revert-${thing}`,
      title: `Revert ${short(revision)}: ${service} was reverted (${thing})`,
      body: `${service} in ${stop.environment} was reverted by Quarterdeck, ${thing}. This takes back ${path === null ? "the commit that was applied last" : `the newest commit of ${path} that was applied`}: look at it, then merge it. Until it is merged, what manages the service puts the version back once its self-heal begins again, at ${stop.dueAt.toISOString()}.`,
    });
  } catch (error) {
    if (error instanceof ProviderError) return error;
    throw error;
  }
}

const short = (revision: string): string => revision.slice(0, 12);

/** Asked again it may do better. */
const isPassing = ({ code }: ProviderError): boolean =>
  code === "unreachable" || code === "timeout" || code === "conflict" || code === "in_progress";
