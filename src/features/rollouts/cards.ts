/** A rollout as people see it. Pure. */

import * as lookup from "../../catalog/lookup.ts";
import type { Catalog } from "../../catalog/schema.ts";
import { auditUrl } from "../../platform/audit/link.ts";
import {
  type Block,
  type Card,
  card,
  codeBlock,
  dateToken,
  escapeText,
  link,
  mention,
  section,
  type Verb,
} from "../../platform/messages/blocks.ts";
import type { Wanted } from "../../platform/messages/say.ts";
import type { Marker } from "../markers/index.ts";
import { chartOf } from "./chart.ts";
import { correctionsMax, type Drift } from "./drift.ts";
import { headlineOf, whoText } from "./headline.ts";
import type { GaugeReading, SignalReading, Verdict } from "./judge.ts";
import { indexOf, isAtWeight, isOver, isWaitingForPerson, type ParityNote, type Rollout } from "./model.ts";
import { recoveryText } from "./recovery.ts";
import type { Sample } from "./samples.ts";
import { percent, short, spanText, weightText } from "./words.ts";

export interface CardContext {
  catalog: Catalog;
  publicUrl: string;
  slackTeam: string;
  now: Date;
  /** Commands that bring the recorded state back without Quarterdeck. */
  byHand: readonly string[];
  /** What else happened to the service's traffic meanwhile; for the chart. */
  markers?: readonly Marker[];
}

export const cardKey = (id: string): string => `rollout:${id}`;

export function rolloutCard(rollout: Rollout, samples: readonly Sample[], context: CardContext): Wanted {
  const { mark, text } = headlineOf(rollout);
  const shown = card({
    mark,
    headline: text,
    context: [contextLine(rollout, context)],
    auditUrl: auditUrl(context.publicUrl, rollout.id),
    facts: (rollout.verdict?.signals ?? []).map(factOf),
    body: bodyOf(rollout, context),
    ...verbsOf(rollout),
    last: lastLine(rollout),
  });
  return { ...shown, chart: chartOf(rollout, samples, context.markers) };
}

function contextLine(rollout: Rollout, { catalog, publicUrl, slackTeam }: CardContext): string {
  const dri = lookup.person(catalog, lookup.service(catalog, rollout.service)?.dri ?? "");
  const owner = dri && lookup.slackIdOf(dri, slackTeam);
  return [
    owner ? `Owner ${mention(owner)}` : "",
    `started by ${whoText(rollout.startedBy)} ${dateToken(rollout.startedAt)}`,
    isOver(rollout) || rollout.state.is === "watching" ? "" : `deadline ${dateToken(rollout.deadlineAt)}`,
    rollout.change ?? "",
    link(`${publicUrl}/rollouts/${rollout.id}`, rollout.id),
  ]
    .filter((part) => part !== "")
    .join(" · ");
}

/** `1 → *10* → 50 → 100 %` with the current step marked. */
export function stepsText(rollout: Rollout): string {
  const current = indexOf(rollout);
  const isBack = rollout.state.is === "reverting" || rollout.state.is === "reverted";
  const parts = rollout.plan.steps.map(({ weightPercent }, index) => {
    const weight = weightText(weightPercent);
    return !isBack && index === current ? `▶ *${weight}*` : weight;
  });
  return `${parts.join(" → ")} %`;
}

function factOf(reading: SignalReading): readonly [string, string] {
  if (reading.kind === "gauge") return [escapeText(reading.name, 60), gaugeText(reading)];
  const side = (ratio: number | null): string => (ratio === null ? "no data" : percent(ratio));
  const limit = reading.eLimit === null ? "advisory" : `E ${short(reading.e)} of ${short(reading.eLimit)}`;
  const what = reading.kind === "latency" ? "slow: " : reading.kind === "kpi" ? "per request: " : "";
  return [
    escapeText(reading.name, 60),
    `${what}${side(reading.canary.ratio)} vs ${side(reading.stable.ratio)} stable\n${short(reading.canary.total)} requests · ${limit}`,
  ];
}

function gaugeText({ canary, stable }: GaugeReading): string {
  const level = (value: number | null): string => (value === null ? "no data" : short(value));
  return `${level(canary)} vs ${level(stable)} stable`;
}

/** `Evidence against it: E 0.42 of 100 · alpha spent 1 of 1 % · error budget used 0.1 of 2 %`; none of an older verdict. */
export function evidenceText(verdict: Verdict | undefined): string | undefined {
  if (!verdict?.evidence) return undefined;
  const { evidence, alphaSpent, alpha = alphaSpent, budgetSpent } = verdict;
  const share = budgetSpent?.share ?? null;
  const used =
    share === null || budgetSpent === undefined
      ? "error budget used: not known"
      : `error budget used ${short(share * 100)} of ${percent(budgetSpent.limit)}`;
  return [
    `Evidence against it: E ${short(evidence.e)} of ${short(evidence.limit)}`,
    `alpha spent ${short(alphaSpent * 100)} of ${percent(alpha)}`,
    used,
  ].join(" · ");
}

function bodyOf(rollout: Rollout, context: CardContext): Block[] {
  const evidence = evidenceText(rollout.verdict);
  const blocks: Block[] = [
    section(`Steps ${stepsText(rollout)}${evidence === undefined ? "" : `\n${evidence}`}`),
  ];
  const because =
    rollout.state.is === "reverting" || rollout.state.is === "reverted" ? rollout.state.because : undefined;
  if (because && because.cause !== "person" && because.sentences.length > 1)
    blocks.push(
      section(
        because.sentences
          .slice(1, 5)
          .map((line) => `• ${escapeText(line, 300)}`)
          .join("\n"),
      ),
    );
  if (rollout.failing) blocks.push(section(stuckText(rollout, context)));
  blocks.push(...differencesBlock(rollout.parity));
  if (rollout.drift && isAtWeight(rollout.state)) blocks.push(section(driftLine(rollout.drift)));
  return blocks;
}

/** What is done about traffic that somebody else moved; what differs stands in the headline while it does. */
export function driftLine({ isStanding, sinceMs, sentence, corrections }: Drift): string {
  const since = dateToken(new Date(sinceMs));
  const again = corrections === 0 ? "" : ` Set again ${corrections} of ${correctionsMax} times.`;
  return isStanding
    ? `Not promoted while the traffic stands otherwise, since ${since}.${again} Promote or revert sets it.`
    : `${escapeText(sentence.charAt(0).toUpperCase() + sentence.slice(1), 300)} from ${since}; it stands as set.${again}`;
}

function stuckText(rollout: Rollout, { now, byHand }: CardContext): string {
  const { sinceMs = now.getTime(), attempts = 0, isPaged = false } = rollout.failing ?? {};
  if (rollout.failing?.isWaiting)
    return `Waiting since ${dateToken(new Date(sinceMs))}; the deadline counts, and Revert works meanwhile.`;
  const paged = isPaged ? " On call was paged." : "";
  const tried = `Tried ${attempts} times since ${dateToken(new Date(sinceMs))}; I keep trying.${paged}`;
  return byHand.length === 0 ? tried : `${tried} By hand:\n${codeBlock(byHand)}`;
}

function verbsOf(rollout: Rollout): Pick<Card, "verbs" | "more"> {
  const { id, seq, from, to, state } = rollout;
  const revert: Verb = {
    label: "Revert",
    line: `rollout revert ${id}`,
    style: "danger",
    confirm: `Takes all traffic of ${rollout.service} from ${to} back to ${from}, exactly as it was before.`,
  };
  const pause: Verb = { label: "Pause", line: `rollout pause ${id} --seen ${seq}` };
  const promote: Verb = { label: "Promote", line: `rollout promote ${id} --seen ${seq}` };
  const full: Verb = { label: "Promote to 100 %", line: `rollout promote ${id} --full --seen ${seq}` };
  const more: Verb = {
    label: "Extend the deadline by 30 min",
    line: `rollout extend ${id} 30m more time to judge`,
  };
  switch (state.is) {
    case "starting":
    case "promoting":
      return { verbs: [pause, revert] };
    case "pausing":
      return { verbs: [revert] };
    case "step":
      return isWaitingForPerson(rollout)
        ? { verbs: [{ ...promote, style: "primary" }, revert], more: [pause, full, more] }
        : { verbs: [pause, revert], more: [promote, full, more] };
    case "paused":
      return {
        verbs: [{ label: "Resume", line: `rollout resume ${id}` }, revert],
        more: [promote, full, more],
      };
    case "watching":
      return { verbs: [revert] };
    case "reverting":
    case "reverted":
    case "promoted":
      return {};
  }
}

/** Once it is over: what happened, how long it took, whether the symptom went away. */
function lastLine(rollout: Rollout): string | undefined {
  const { state, startedAt } = rollout;
  switch (state.is) {
    case "promoted":
      return `🟢 ${escapeText(rollout.to)} has all traffic and stayed good; ${spanText(state.at.getTime() - startedAt.getTime())} from the start, by ${whoText(rollout.startedBy)}.`;
    case "reverted": {
      const took = spanText(state.at.getTime() - state.since.getTime());
      const { parity, recovery } = rollout;
      const mark = recovery?.result?.is === "recovered" ? "🟢 " : recovery?.result ? "🟠 " : "";
      const helped = escapeText(recoveryText(recovery), 600);
      return `${mark}Back on ${escapeText(rollout.from)} in ${took}, ${parityText(parity)}. ${helped}`;
    }
    case "starting":
    case "promoting":
    case "pausing":
    case "step":
    case "paused":
    case "watching":
    case "reverting":
      return undefined;
  }
}

const differencesShown = 6;

/** `exactly as recorded before`, or the first of what differs; the rest stands in a block of its own. */
export function parityText(parity: ParityNote | undefined): string {
  if (parity === undefined) return "not compared";
  if (parity.equal) return "exactly as recorded before";
  const [first = ""] = parity.differences;
  const more = parity.differences.length - 1;
  return `differs from what was recorded: ${escapeText(first, 300)}${more > 0 ? ` (and ${more} more)` : ""}`;
}

/** What differs beyond the first, each with what to do. */
export function differencesBlock(parity: ParityNote | undefined): Block[] {
  const rest = parity?.differences.slice(1) ?? [];
  if (rest.length === 0) return [];
  const lines = rest.slice(0, differencesShown).map((one) => `• ${escapeText(one, 300)}`);
  const more = rest.length > differencesShown ? [`and ${rest.length - differencesShown} more`] : [];
  return [section(["Differs as well:", ...lines, ...more].join("\n"))];
}
