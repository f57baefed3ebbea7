/** Owners decide about a catalog that waits. */
import { leadsChannelFor, person as personOf, slackIdOf } from "../../catalog/lookup.ts";
import { approversNeeded, ownersTeamOf } from "../../catalog/loosening/index.ts";
import type { Catalog } from "../../catalog/schema.ts";
import { onlyIfKnown } from "../../platform/authz.ts";
import {
  lockProposal,
  type Proposal,
  proposalEvent,
  readProposal,
  supersedeOthers,
} from "../../platform/catalog-proposals.ts";
import { lockInForce, putInForce } from "../../platform/catalogs.ts";
import type { Tx } from "../../platform/db/database.ts";
import type { Reply } from "../../platform/feature.ts";
import { escapeText } from "../../platform/messages/blocks.ts";
import type { Actor } from "../../platform/people.ts";
import type { Platform } from "../../platform/platform.ts";
import { allow, type Decision, refuse } from "../../platform/refusal.ts";
import { cardKey, proposalCard, stillNeeded } from "./cards.ts";

export interface Asking {
  actor: Actor;
  inboxId: string;
  isDryRun: boolean;
}

type Room = Pick<Platform, "database" | "catalogs" | "slackTeam" | "publicUrl">;

/** Locks both, and says who may. The owners are those of the catalog in force, never those of the one that waits. */
async function mayDecide(
  tx: Tx,
  id: string,
  actor: Actor,
): Promise<Decision<{ proposal: Proposal; inForce: Catalog; base: string; personId: string }>> {
  const before = await lockInForce(tx);
  const proposal = await lockProposal(tx.trx, id);
  if (!before || !proposal)
    return refuse({
      rule: "known-proposal",
      message: `No catalog ${id} waits.`,
      hint: "catalog pending shows what does.",
    });
  const known = onlyIfKnown(before.catalog, actor);
  if (!known.ok) return known;
  if (proposal.state === "approved" || proposal.state === "superseded")
    return refuse({
      rule: "still-waiting",
      message: `Catalog ${id} ${proposal.state === "approved" ? "is in force already" : "was replaced by another before it was decided"}.`,
      hint: "catalog pending shows what waits.",
    });
  if (proposal.base !== before.digest)
    return refuse({
      rule: "as-it-was-shown",
      message: `Another catalog came in force since ${id} was shown. Nothing done.`,
      hint: "It is read anew from its files, with what it gives now; catalog pending shows it.",
    });
  const { owners } = approversNeeded(before.catalog, proposal.by);
  const slackIds = owners.flatMap((owner) => {
    const found = personOf(before.catalog, owner);
    return (found && slackIdOf(found, actor.team)) ?? [];
  });
  if (!owners.includes(known.value.id))
    return refuse({
      rule: before.catalog.teams
        .find(({ name }) => name === ownersTeamOf(before.catalog.organisation))
        ?.leads.includes(known.value.id)
        ? "not-your-own-catalog"
        : "owners-only",
      message: `A catalog that gives rights is approved by leads of ${ownersTeamOf(before.catalog.organisation)} other than who proposed it.`,
      hint: "",
      whoCould: slackIds,
    });
  return allow({ proposal, inForce: before.catalog, base: before.digest, personId: known.value.id });
}

export async function approveCatalog(room: Room, id: string, asking: Asking): Promise<Decision<Reply>> {
  const { actor, inboxId, isDryRun } = asking;
  const decision = await room.database.tx<Decision<Reply>>(
    async (tx) => {
      const may = await mayDecide(tx, id, actor);
      if (!may.ok) return may;
      const { inForce, base, personId } = may.value;
      let { proposal } = may.value;
      if (isDryRun)
        return allow({
          text: `Dry run: catalog ${id} would count as approved by you. It gives ${proposal.words.length}. Nothing was done.`,
        });
      if (proposal.state === "denied") {
        await supersedeOthers(tx, id);
        await setState(tx, id, "waiting", undefined);
      }
      await tx.trx
        .insertInto("catalog_approvals")
        .values({ proposal: id, person_id: personId, team: actor.team, person: actor.person, at: tx.now })
        .onConflict((conflict) => conflict.columns(["proposal", "person_id"]).doNothing())
        .execute();
      const isSecond = proposal.approvals.some((approval) => approval.personId === personId);
      proposal = (await readProposal(tx.trx, id)) ?? proposal;
      const { needed, given, left } = stillNeeded(proposal, inForce);
      if (!isSecond)
        tx.audit({
          actor,
          action: "catalog.approved",
          subject: id,
          before: base,
          after: proposal.digest,
          detail: { approvals: given, needed },
          correlation: id,
        });
      tx.emit(proposalEvent, id);
      if (given < needed)
        return allow({
          text: `${isSecond ? "You approved it before" : "Approved"}; catalog ${id} waits for ${needed - given} more of ${left.map((name) => escapeText(name)).join(", ")}.`,
        });
      await setState(tx, id, "approved", { at: tx.now, actor });
      await putInForce(tx, base, {
        catalog: proposal.catalog,
        digest: proposal.digest,
        source: proposal.source,
        actor,
      });
      return allow({ text: `Catalog ${id} is in force: ${given} of ${needed} owners approved it.` });
    },
    { inboxId: inboxId || undefined },
  );
  await room.catalogs.refresh();
  return decision;
}

export async function denyCatalog(
  room: Room,
  id: string,
  reason: string,
  { actor, inboxId, isDryRun }: Asking,
): Promise<Decision<Reply>> {
  return room.database.tx<Decision<Reply>>(
    async (tx) => {
      const may = await mayDecide(tx, id, actor);
      if (!may.ok) return may;
      const { proposal, base } = may.value;
      if (proposal.state === "denied") return allow({ text: `Catalog ${id} was denied before.` });
      if (isDryRun) return allow({ text: `Dry run: catalog ${id} would be denied. Nothing was done.` });
      await tx.trx.deleteFrom("catalog_approvals").where("proposal", "=", id).execute();
      await setState(tx, id, "denied", { at: tx.now, actor, reason });
      tx.audit({
        actor,
        action: "catalog.denied",
        subject: id,
        before: base,
        after: proposal.digest,
        reason,
        correlation: id,
      });
      tx.emit(proposalEvent, id);
      return allow({
        text: `Denied. The catalog before stays in force; ${id} can still be approved after all.`,
      });
    },
    { inboxId: inboxId || undefined },
  );
}

async function setState(
  tx: Tx,
  id: string,
  state: Proposal["state"],
  decided: { at: Date; actor: Actor; reason?: string } | undefined,
): Promise<void> {
  await tx.trx
    .updateTable("catalog_proposals")
    .set({
      state,
      decided_at: decided?.at ?? null,
      decided_team: decided?.actor.team ?? null,
      decided_by: decided?.actor.person ?? null,
      reason: decided?.reason ?? null,
    })
    .where("id", "=", id)
    .execute();
}

/** The card in the owners' channel: one per proposal, edited as it is decided. */
export async function tellProposal(room: Room, id: string): Promise<void> {
  await room.catalogs.refresh();
  const catalog = room.catalogs.current();
  const channel = slackIdOf(leadsChannelFor(catalog, ownersTeamOf(catalog.organisation)), room.slackTeam());
  await room.database.tx(async (tx) => {
    const proposal = await lockProposal(tx.trx, id);
    if (!proposal || channel === undefined) return;
    tx.say({
      key: cardKey(id),
      channel,
      urgent: true,
      ...proposalCard(proposal, { catalog, slackTeam: room.slackTeam(), publicUrl: room.publicUrl }),
    });
  });
}
