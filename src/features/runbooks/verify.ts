/** What people say of a runbook: that it is right, that it helped, that it is outdated. */
import { slackIdOf } from "../../catalog/lookup.ts";
import type { Tx } from "../../platform/db/database.ts";
import { dateToken, escapeText } from "../../platform/messages/blocks.ts";
import type { Actor } from "../../platform/people.ts";
import { allow, type Decision, refuse } from "../../platform/refusal.ts";
import { outdatedCard } from "./cards.ts";
import { callName, chooseRunbook, ownerOf, type Said, type Trust, trustOf } from "./model.ts";
import type { Runbook } from "./read.ts";
import { pageOf, type Room } from "./room.ts";
import { lockRunbook, type MarkKind, readVoicesOf, writeMark, writeVerification } from "./store.ts";

export interface Saying {
  name: string;
  note: string | undefined;
  actor: Actor;
  inboxId: string;
  dryRun: boolean;
}

/** A second press so soon is the same statement. */
const sameStatementMs = 60_000;

/** Records that the runbook is right as of now. Answers what the person reads. */
export async function verify(room: Room, saying: Saying): Promise<Decision<string>> {
  const { platform } = room;
  const found = await named(room, saying.name);
  if (!found.ok) return found;
  const runbook = found.value;
  const allowed = await mayVerify(room, runbook, saying.actor);
  if (!allowed.ok) return allowed;
  if (saying.dryRun) return allow(`Would record that you verified ${runbook.name}. Nothing done.`);
  return platform.database.tx(
    async (tx) => {
      await lockRunbook(tx.trx, runbook.name);
      const catalog = platform.catalogs.current();
      const voices = await readVoicesOf(tx.trx, runbook.name);
      const before = trustOf(runbook, voices, catalog, tx.now);
      const { verified } = voices;
      if (
        verified &&
        tx.now.getTime() - verified.at.getTime() < sameStatementMs &&
        before.outdated.length === 0
      )
        return allow(
          `${callWho(verified, saying.actor, callName(catalog, verified))} verified ${escapeText(runbook.name)} ${dateToken(verified.at)}. Nothing done.`,
        );
      const said = saidOf(saying, tx.now);
      await writeVerification(tx.trx, runbook.name, said);
      audit(tx, saying, "runbook.verified", runbook, { before: before.state, after: "verified" });
      if (before.outdated.length > 0)
        tellOwner(room, tx, runbook, before, { at: tx.now, by: callName(catalog, said) });
      return allow(`Recorded: you verified ${escapeText(runbook.name)} ${dateToken(tx.now)}.`);
    },
    { inboxId: saying.inboxId },
  );
}

/** Records once per person, until the next verification; the owner hears of an outdated one. */
export async function markRunbook(room: Room, kind: MarkKind, saying: Saying): Promise<Decision<string>> {
  const { platform } = room;
  const found = await named(room, saying.name);
  if (!found.ok) return found;
  const runbook = found.value;
  if (saying.dryRun) return allow(`Would record ${kind} for ${runbook.name}. Nothing done.`);
  return platform.database.tx(
    async (tx) => {
      await lockRunbook(tx.trx, runbook.name);
      const catalog = platform.catalogs.current();
      const before = trustOf(runbook, await readVoicesOf(tx.trx, runbook.name), catalog, tx.now);
      const mine = before[kind].find(
        ({ team, person }) => team === saying.actor.team && person === saying.actor.person,
      );
      if (mine)
        return allow(
          `You said so ${dateToken(mine.at, "date_time")}: ${escapeText(runbook.name)} ${kind === "helped" ? "helped" : "is outdated"}. Nothing done.`,
        );
      const said = saidOf(saying, tx.now);
      await writeMark(tx.trx, runbook.name, kind, said);
      audit(tx, saying, `runbook.${kind}`, runbook, {});
      if (kind === "helped")
        return allow(
          `Noted: ${escapeText(runbook.name)} helped (${before.helped.length + 1} since it was last verified).`,
        );
      tellOwner(room, tx, runbook, { ...before, outdated: [...before.outdated, said] }, undefined);
      const owner = ownerOf(runbook, catalog);
      const told = owner ? `${escapeText(owner.name)} is told` : "Nobody owns it, so nobody is told";
      return allow(`Noted: ${escapeText(runbook.name)} is outdated until it is verified again. ${told}.`);
    },
    { inboxId: saying.inboxId },
  );
}

async function named(room: Room, name: string): Promise<Decision<Runbook>> {
  const { runbooks } = await room.library.shelf();
  return chooseRunbook(runbooks, { name }, room.platform.catalogs.current());
}

async function mayVerify({ platform }: Room, runbook: Runbook, actor: Actor): Promise<Decision<unknown>> {
  const owner = ownerOf(runbook, platform.catalogs.current());
  const scopes = owner?.teams.map(({ name }) => ({ team: name })) ?? [];
  for (const scope of scopes) {
    const allowed = await platform.authz.authorise(actor, "responder", scope);
    if (allowed.ok) return allowed;
  }
  const ids = (owner?.people ?? []).flatMap((person) => slackIdOf(person, actor.team) ?? []);
  if (ids.includes(actor.person)) return allow(undefined);
  return refuse({
    rule: "owner-verifies",
    message: owner
      ? `${runbook.name} is verified by the team of its owner, ${owner.name}.`
      : `${runbook.name} has no owner, so nobody can verify it.`,
    hint: owner
      ? `Say what is wrong: runbook outdated ${runbook.name} <note>`
      : "Name an owner in its front matter.",
    whoCould: [
      ...new Set([
        ...ids,
        ...scopes.flatMap((scope) => platform.authz.whoCould("responder", scope, actor.team)),
      ]),
    ],
  });
}

/** One message per owner and per time it counts as outdated. Nobody hears of what they said themselves. */
function tellOwner(
  room: Room,
  tx: Tx,
  runbook: Runbook,
  trust: Trust,
  verified: { at: Date; by: string } | undefined,
): void {
  const { platform } = room;
  const catalog = platform.catalogs.current();
  const slackTeam = platform.slackTeam();
  const since = trust.last?.at.getTime() ?? 0;
  for (const person of ownerOf(runbook, catalog)?.people ?? []) {
    const slackId = slackIdOf(person, slackTeam);
    const others = trust.outdated.filter((said) => said.person !== slackId);
    if (slackId === undefined || others.length === 0) continue;
    const shown = outdatedCard(runbook, others, { catalog, url: pageOf(platform, runbook.name), verified });
    tx.say({
      key: `runbook-outdated:${runbook.name}:${since}:${slackId}`,
      channel: slackId,
      urgent: false,
      ...shown,
    });
  }
}

function audit(
  tx: Tx,
  { actor, note }: Saying,
  action: string,
  runbook: Runbook,
  states: { before?: string; after?: string },
): void {
  tx.audit({
    actor,
    action,
    subject: runbook.name,
    ...(note === undefined ? {} : { reason: note }),
    ...states,
  });
}

const saidOf = ({ actor, note }: Saying, at: Date): Said => ({
  team: actor.team,
  person: actor.person,
  note: note ?? null,
  at,
});
const callWho = (said: Said, actor: Actor, name: string): string =>
  said.person === actor.person && said.team === actor.team ? "You" : escapeText(name);
