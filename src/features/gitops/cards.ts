/** What is said in a revert's thread about what heals by itself. Pure. */
import {
  actions,
  type Block,
  codeBlock,
  dateToken,
  escapeText,
  link,
  section,
} from "../../platform/messages/blocks.ts";
import type { Wanted } from "../../platform/messages/say.ts";
import { gitCommands, ownerName, type Proposal, type Stop, stopCommands } from "./model.ts";

export const messageKey = (thing: string): string => `gitops:${thing}`;

export function lineOf(stop: Stop): string {
  const { owner, kind, dueAt, stoppedAt, endedAt, ending, error, turnedOn } = stop;
  const name = escapeText(ownerName(owner, kind), 200);
  const why = error === undefined ? "" : ` ${escapeText(error, 300)}.`;
  switch (ending) {
    case "resumed":
      return `🟢 ${name} heals again since ${dateToken(endedAt ?? dueAt)}.`;
    case "theirs":
      return `⚫ ${name}: somebody else changed it meanwhile; it stays as it is.`;
    case "idle":
      return `⚫ ${name} healed nothing by itself; nothing was stopped.`;
    case "handed-over":
      return `⚫ ${name} stays stopped for another revert, which ends it.`;
    case "not-stopped":
      return `🔴 ${name} could not be stopped.${why}`;
    case undefined:
      if (!stoppedAt) return `🟠 ${name} is not stopped: it may put the version back.${why}`;
      return error === undefined
        ? `🟠 ${name} heals nothing until ${dateToken(dueAt)}, so that the revert stays. It begins again by itself.${againText(turnedOn)}`
        : `🔴 ${name} should heal again since ${dateToken(dueAt)} and cannot be turned on.${why}`;
  }
}

const againText = (times: number): string =>
  times === 0
    ? ""
    : ` It was turned on again by something else ${["once", "twice"][times - 1] ?? `${times} times`}, and stopped again.`;

function proposalText({ url, error = "", isGivenUp }: Proposal): string {
  if (url !== undefined)
    return `The revert in Git is proposed: ${link(url, url)}. Look at it, then merge it, and the revert lasts.`;
  const tried = isGivenUp ? "" : " It is tried again.";
  return `The revert could not be proposed in Git: ${escapeText(error, 300)}.${tried}`;
}

export function stopMessage(stop: Stop): Wanted {
  const { thing, owner, kind, source, endedAt, stoppedAt, proposal } = stop;
  const text = lineOf(stop);
  const blocks: Block[] = [section(text)];
  if (!endedAt && !stoppedAt) blocks.push(section(`By hand:\n${codeBlock(stopCommands(owner, kind))}`));
  const git = proposal?.url === undefined ? gitCommands(thing, source) : [];
  if (proposal) blocks.push(section(proposalText(proposal)));
  if (!endedAt && git.length > 0)
    blocks.push(section(`To make the revert last, revert in Git before then:\n${codeBlock(git)}`));
  if (!endedAt && stoppedAt)
    blocks.push(...actions([{ label: "Heal again now", line: `gitops resume ${thing}` }]));
  return { text, blocks };
}
