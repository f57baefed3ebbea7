/** Asking for access, and for more of it. */
import { onlyIfKnown } from "../../platform/authz.ts";
import type { TimeSpan } from "../../platform/commands/spec.ts";
import type { Reply } from "../../platform/feature.ts";
import { escapeText } from "../../platform/messages/blocks.ts";
import type { Actor } from "../../platform/people.ts";
import { allow, type Decision, type Refused, refuse } from "../../platform/refusal.ts";
import { askedReply, tailOf, whatOf } from "./answer.ts";
import { changeRequest, isSameAsk } from "./edit.ts";
import { fileRequest, refusedAsFlood } from "./file.ts";
import { foresee } from "./foresee.ts";
import { type Grant, type GrantId, openStates } from "./model.ts";
import { type Asking, prepare } from "./prepare.ts";
import { type Room, unknownGrant, whoOf } from "./room.ts";
import { listGrants, lockAsking, readGrant } from "./store.ts";
import { clockText, requesterName, standing } from "./words.ts";

/** A new request; or, while one like it is open, that one with other words. */
export async function requestAccess(room: Room, asking: Asking): Promise<Decision<Reply>> {
  const { platform } = room;
  const { actor } = asking;
  const prepared = await prepare(room, asking);
  if (!prepared.ok) return prepared;
  const { rule, person } = prepared.value;
  const tail = await tailOf(room, prepared.value);
  if (asking.isDryRun) {
    const outside = (await foresee(room, prepared.value)).map((line) => escapeText(line));
    return allow({
      text: `Dry run: would ask for ${escapeText(whatOf(prepared.value))} (${escapeText(rule.terms.grants)}). ${escapeText(tail)} Nothing was done.\n${outside.join("\n")}`,
    });
  }
  return platform.database.tx<Decision<Reply>>(
    async (tx) => {
      await lockAsking(tx.trx, person.id, rule.resource.name, rule.role.name);
      const open = await openOne(asking, person.id, tx.trx);
      if (open !== undefined) {
        if (open.state.is !== "requested" || isSameAsk(open, asking, prepared.value))
          return alreadyAsked(room, open, actor);
        return changeRequest(room, tx, open.id, asking, prepared.value);
      }
      const flood = await refusedAsFlood(tx, prepared.value.typist.id);
      if (flood !== undefined) return flood;
      const filed = await fileRequest(room, tx, asking, prepared.value);
      return allow(askedReply(room, filed, prepared.value, tail));
    },
    { inboxId: asking.inboxId },
  );
}

export interface Extending {
  actor: Actor;
  inboxId?: string | undefined;
  isDryRun: boolean;
  id: GrantId;
  time: TimeSpan;
  reason: string;
}

/** More time is a new request under the rule of now, with a login of its own; the total over the chain is capped. */
export async function extendGrant(room: Room, { id, ...asking }: Extending): Promise<Decision<Reply>> {
  const { platform } = room;
  const grant = await readGrant(platform.database.db, id);
  if (grant === undefined) return unknownGrant(id);
  const catalog = platform.catalogs.current();
  const typist = onlyIfKnown(catalog, asking.actor);
  if (!typist.ok) return typist;
  if (typist.value.id !== grant.personId)
    return refuse({
      rule: "own-grants-only",
      message: `${id} is ${requesterName(catalog, grant)}'s; only they can ask for more of it.`,
      whoCould: [grant.requester.person],
    });
  if (grant.state.is !== "active")
    return refuse({
      rule: "active-grants-only",
      message: `${id} is not active: ${standing(catalog, grant, whoOf(asking.actor))}.`,
      hint: `Ask anew: access request ${grant.resource} ${grant.role} <time> <reason>`,
    });
  return requestAccess(room, {
    ...asking,
    resource: grant.resource,
    role: grant.role,
    continues: grant,
  });
}

async function openOne(
  { continues, resource, role }: Asking,
  personId: string,
  trx: Parameters<typeof listGrants>[0],
): Promise<Grant | undefined> {
  const filter = continues ? { extends: continues.id } : { personId, resource, role };
  const open = await listGrants(trx, { ...filter, states: openStates, limit: 5 });
  return continues ? open[0] : open.find((grant) => grant.extends === null);
}

function alreadyAsked({ platform }: Room, grant: Grant, actor: Actor): Refused {
  const catalog = platform.catalogs.current();
  const { id, state } = grant;
  const asked = `${grant.resource} ${grant.role} was asked for at ${clockText(catalog, whoOf(actor), grant.requestedAt)} already: ${id}, ${standing(catalog, grant, whoOf(actor))}.`;
  const hint =
    state.is === "active"
      ? `More time: access extend ${id} <time> <reason>. Done with it: access return ${id}.`
      : state.is === "requested"
        ? `Ask with another time or reason to change it, or take it back: access return ${id}.`
        : `To ask differently, take it back first: access return ${id}.`;
  return refuse({ rule: "one-open-request", message: asked, hint });
}
