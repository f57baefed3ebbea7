/** A catalog that waits, as its owners read it. Pure. */

import { person, slackIdOf } from "../../catalog/lookup.ts";
import { approversNeeded, waitsWhole } from "../../catalog/loosening/index.ts";
import type { Catalog } from "../../catalog/schema.ts";
import { auditUrl } from "../../platform/audit/link.ts";
import type { Proposal } from "../../platform/catalog-proposals.ts";
import { type Block, card, dateToken, escapeText, mention, section } from "../../platform/messages/blocks.ts";

export const cardKey = (id: string): string => `catalog:${id}`;

const wordsMax = 15;

export interface Scene {
  /** In force. */
  catalog: Catalog;
  slackTeam: string;
  publicUrl: string;
}

/** `2 of 3 approved`, and who still may. */
export function stillNeeded(
  proposal: Proposal,
  catalog: Catalog,
): { needed: number; given: number; left: readonly string[] } {
  const { owners, needed } = approversNeeded(catalog, proposal.by);
  const given = proposal.approvals.filter(({ personId }) => owners.includes(personId));
  return {
    needed,
    given: given.length,
    left: owners.filter((id) => !given.some(({ personId }) => personId === id)),
  };
}

export function proposalCard(proposal: Proposal, scene: Scene): { text: string; blocks: Block[] } {
  const { id, words, state, proposedAt, source, approvals } = proposal;
  const nameOf = (personId: string): string => {
    const known = person(scene.catalog, personId);
    const slackId = known && slackIdOf(known, scene.slackTeam);
    return slackId ? mention(slackId) : escapeText(personId);
  };
  const { needed, left } = stillNeeded(proposal, scene.catalog);
  const isOpen = state === "waiting";
  return card({
    mark: isOpen ? "🟠" : "⚫",
    headline: headlineOf(proposal, scene.catalog),
    context: [
      `from ${escapeText(source, 200)}`,
      `since ${dateToken(proposedAt, "date_time")}`,
      id,
      `replaces \`${proposal.base.slice(0, 12)}\` by \`${proposal.digest.slice(0, 12)}\``,
    ],
    auditUrl: auditUrl(scene.publicUrl, id),
    facts: [
      [
        "Approved by",
        approvals.length === 0 ? "nobody yet" : approvals.map(({ personId }) => nameOf(personId)).join(", "),
      ],
      ...(isOpen && left.length > 0
        ? [["Who can approve", `${needed} must: ${left.map(nameOf).join(", ")}`] as const]
        : []),
    ],
    body: [section(wordsText(words)), ...(isOpen ? [section(waitsWhole)] : [])],
    ...(isOpen
      ? {
          verbs: [
            {
              label: "Approve",
              line: `catalog approve ${id}`,
              style: "primary" as const,
              confirm: `You have read what it gives (${words.length}). It comes in force once ${needed} of its owners approved it.`,
            },
            { label: "Deny", line: `modal catalog deny: ${id}`, style: "danger" as const },
          ],
        }
      : {}),
    last: lastOf(proposal),
  });
}

/** What it gives; a card has no room for hundreds of lines. */
export function wordsText(words: readonly string[]): string {
  const more = words.length - wordsMax;
  return [
    "What people could do that they cannot now:",
    ...words.slice(0, wordsMax).map((line) => `• ${escapeText(line, 150)}`),
    ...(more > 0 ? [`… and ${more} more: \`catalog pending\` in a terminal shows all.`] : []),
  ].join("\n");
}

function headlineOf(proposal: Proposal, catalog: Catalog): string {
  const gives = `catalog ${proposal.id} gives ${proposal.words.length} more ${proposal.words.length === 1 ? "right" : "rights"}`;
  switch (proposal.state) {
    case "waiting": {
      const { needed, given } = stillNeeded(proposal, catalog);
      return `${gives} · waits for ${needed - given} more ${needed - given === 1 ? "owner" : "owners"}`;
    }
    case "approved":
      return `${gives} · in force`;
    case "denied":
      return `${gives} · denied`;
    case "superseded":
      return `${gives} · another catalog took its place`;
  }
}

function lastOf({ state, decided }: Proposal): string | undefined {
  if (!decided) return undefined;
  const who = decided.by ? mention(decided.by.person) : "Quarterdeck";
  const at = dateToken(decided.at, "date_time");
  switch (state) {
    case "waiting":
      return undefined;
    case "approved":
      return `In force since ${at}; the last approval was by ${who}.`;
    case "denied":
      return `Denied by ${who} ${at}${decided.reason ? `: ${escapeText(decided.reason)}` : ""}. The catalog before stays in force.`;
    case "superseded":
      return `Never in force; another catalog took its place ${at}.`;
  }
}

/** One line for lists. */
export function proposalLine(proposal: Proposal, catalog: Catalog): string {
  return `🟠 ${escapeText(headlineOf(proposal, catalog))}: \`/ops catalog pending\``;
}
