/** Nobody decided, although reminded: others hear of it, and the requester hears that they did. */
import {
  accessRule,
  breakGlassOf,
  leadsChannelFor,
  owningTeam,
  requestersOf,
  slackIdOf,
  team as teamNamed,
} from "../../catalog/lookup.ts";
import type { Catalog } from "../../catalog/schema.ts";
import { slackIdsOf } from "../../platform/authz.ts";
import { formatDuration } from "../../platform/commands/time.ts";
import type { Tx } from "../../platform/db/database.ts";
import { channelLink, dateToken, escapeText, mention } from "../../platform/messages/blocks.ts";
import { systemActor } from "../../platform/people.ts";
import { cardKeyOf } from "./cards.ts";
import { countedApprovals, type Grant } from "./model.ts";
import { change, type Room } from "./room.ts";
import { approverIdsOf, teamOf } from "./terms.ts";
import { requesterName, spanText } from "./words.ts";

/** Approvers who are written to one by one. */
const peopleMax = 5;

/** @param onCall Slack ids of who is on call for the approving team: they may not decide, and know whom to wake. */
export async function escalate(
  room: Room,
  tx: Tx,
  after: Grant,
  before: Grant,
  onCall: readonly string[],
): Promise<void> {
  const catalog = room.platform.catalogs.current();
  const slackTeam = room.platform.slackTeam();
  const { id, terms, state } = before;
  const done = [before.personId, before.askedById, ...countedApprovals(before).map((one) => one.personId)];
  const deciders = slackIdsOf(
    catalog,
    approverIdsOf(catalog, terms).filter((person) => !done.includes(person)),
    slackTeam,
  );
  const channels = otherChannels(catalog, before, slackTeam);
  await change(room, tx, before, after, {
    actor: systemActor,
    action: "access.escalated",
    detail: { channels, people: deciders.length, onCall },
  });
  const waited = spanText(tx.now.getTime() - before.requestedAt.getTime());
  const lapses = state.is === "requested" ? ` It lapses ${dateToken(state.decideBy, "date_time")}.` : "";
  const what = `${id}: ${escapeText(requesterName(catalog, before))} asks for ${escapeText(before.role)} on ${escapeText(before.resource)}`;
  const who = deciders.map(mention).join(" ");
  const duty = onCall.map(mention).join(" ");
  const how = `\`/ops access approve ${id}\` or \`/ops access deny ${id} <reason>\``.replace(
    "<reason>",
    "why",
  );
  for (const channel of channels)
    tx.say({
      key: `${cardKeyOf(id)}:escalated:${channel}`,
      channel,
      urgent: true,
      text: `${what}; nobody decided for ${waited}. Can decide: ${who}. Its card is in ${channelLink(before.channel)}.${lapses}`,
    });
  for (const person of deciders.slice(0, peopleMax))
    tx.say({
      key: `${cardKeyOf(id)}:escalated:${person}`,
      channel: person,
      urgent: true,
      text: `${what}, and waits for you for ${waited}: ${how}. Its card is in ${channelLink(before.channel)}.${lapses}`,
    });
  tx.say({
    key: `${cardKeyOf(id)}:escalated`,
    channel: before.channel,
    parent: cardKeyOf(id),
    urgent: true,
    text: `${duty} ${id} has waited ${waited} and nobody decided. ${duty === "" ? "Can decide" : `You are on call for ${escapeText(teamOf(before))}; please wake who can decide`}: ${who}.${lapses}`.trim(),
  });
  tx.say({
    key: `${cardKeyOf(id)}:waiting`,
    channel: before.requester.person,
    urgent: true,
    text: `${id} has waited ${waited}. I have written to everybody who can decide, ${who}${onCall.length > 0 ? `, and to ${duty}, on call for ${escapeText(teamOf(before))}` : ""}.${lapses}${breakGlassHint(catalog, before)}`,
  });
}

/** Of a role that this person may take without asking: how. */
function breakGlassHint(catalog: Catalog, { resource, role: name, personId }: Grant): string {
  const role = accessRule(catalog, resource, name);
  const glass = role && breakGlassOf(role);
  if (!role || !glass) return "";
  const may = requestersOf(catalog, {
    policy: {
      ...role.policy,
      requesters: [...glass.requesters],
      requesterPeople: [...glass.requesterPeople],
    },
  });
  if (!may.includes(personId)) return "";
  const line = `access break-glass ${resource} ${name} ${formatDuration(glass.durationMaxMs)} why`;
  return ` If it cannot wait: \`/ops ${escapeText(line)}\`, at once, loud, and reviewed after.`;
}

/** Leads' channels of the other teams that may decide, of the service's team and of the organisation. */
function otherChannels(catalog: Catalog, { terms, channel, service }: Grant, slackTeam: string): string[] {
  const teams = [
    ...terms.approvers,
    ...(service === null ? [] : [owningTeam(catalog, service).name]),
    catalog.organisation.defaultOwner,
  ].filter((name) => teamNamed(catalog, name) !== undefined);
  const ids = teams.map((name) => slackIdOf(leadsChannelFor(catalog, name), slackTeam));
  return [...new Set(ids.filter((id): id is string => id !== undefined && id !== channel))];
}
