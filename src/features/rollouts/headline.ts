/** A rollout in one line: its state mark, its step and what matters now. Pure. */
import { dateToken, escapeText, type Mark, mention } from "../../platform/messages/blocks.ts";
import type { ReasonCode, Verdict } from "./judge.ts";
import {
  type Because,
  type Failing,
  indexOf,
  isWaitingForPerson,
  type Rollout,
  unseenIn,
  type Who,
} from "./model.ts";
import { weightText } from "./words.ts";

/** Reasons to hold that are only a matter of time. */
const patient: readonly ReasonCode[] = ["too-early", "too-few-samples", "not-proven"];

export const versionsText = ({ from, to }: Pick<Rollout, "from" | "to">): string =>
  `${escapeText(from)} → ${escapeText(to)}`;

export const whoText = ({ team, person }: Who): string => (team === "-" ? "Quarterdeck" : mention(person));

export function holdReason(verdict: Verdict | undefined): { text: string; isPatient: boolean } | undefined {
  const [first] = verdict?.reasons ?? [];
  if (verdict?.do !== "hold" || !first) return undefined;
  return { text: first.sentence, isPatient: patient.includes(first.code) };
}

export function becauseText(because: Because): string {
  switch (because.cause) {
    case "breach":
    case "deadline":
      return escapeText(because.sentences[0] ?? because.cause, 300);
    case "person":
      return `by ${whoText(because.by)}${because.reason ? `: ${escapeText(because.reason, 200)}` : ""}`;
  }
}

/** `cannot move traffic: no connection`, or `waiting: 1 of 3 pods ready` while the engine is at it. */
export const stuckWords = ({ error, isWaiting }: Failing): string =>
  `${isWaiting ? "waiting" : "cannot move traffic"}: ${escapeText(error, 200)}`;

export function headlineOf(rollout: Rollout): { mark: Mark; text: string } {
  const { state, plan } = rollout;
  const weight = (index: number): string => `${weightText(plan.steps[index]?.weightPercent ?? 0)} %`;
  const name = `${escapeText(rollout.service)} · rollout ${rollout.id} ${versionsText(rollout)}`;
  const at = `${name} · ${weight(indexOf(rollout))}`;
  const { stuck, stuckMark } = stuckOf(rollout);
  const drifted = rollout.drift?.isStanding ? ` · ${escapeText(rollout.drift.sentence, 200)}` : "";
  switch (state.is) {
    case "starting":
      return { mark: stuckMark ?? "🔵", text: `${name} · starting at ${weight(0)}${stuck}` };
    case "promoting":
      return { mark: stuckMark ?? "🔵", text: `${at} · going there${stuck}` };
    case "pausing":
      return { mark: stuckMark ?? "⚪", text: `${at} · pausing${stuck}` };
    case "step": {
      if (isWaitingForPerson(rollout))
        return { mark: "🟠", text: `${at} · looks good, waits until somebody promotes it` };
      const held = holdReason(rollout.verdict);
      if (!held) return { mark: "🔵", text: `${at} · watching its signals` };
      return held.isPatient
        ? { mark: "🔵", text: `${at} · ${escapeText(held.text, 200)}` }
        : { mark: "🟠", text: `${at} · holding: ${escapeText(held.text, 200)}` };
    }
    case "paused":
      return { mark: drifted ? "🟠" : "⚪", text: `${at} · paused by ${whoText(state.pause.by)}${drifted}` };
    case "watching":
      if (drifted) return { mark: "🟠", text: `${name} · 100 %${drifted}` };
      return watchingOf(name, rollout.verdict, state.until);
    case "reverting":
      return { mark: "🔴", text: `${name} · going back: ${becauseText(state.because)}${stuck}` };
    case "reverted": {
      if (rollout.putBack?.isStanding)
        return {
          mark: "🔴",
          text: `${name} · the revert did not hold: ${escapeText(rollout.putBack.sentence, 200)}`,
        };
      const cameBack = rollout.recovery?.result?.is === "came-back";
      return {
        mark: cameBack ? "🟠" : "⚫",
        text: `${name} · reverted${cameBack ? ", and it came back" : ""}: ${becauseText(state.because)}`,
      };
    }
    case "promoted":
      return { mark: "🟢", text: `${name} · 100 % · good` };
  }
}

function watchingOf(name: string, verdict: Verdict | undefined, until: Date): { mark: Mark; text: string } {
  const unseen = unseenIn(verdict);
  return unseen
    ? { mark: "🟠", text: `${name} · 100 % · watched on, since ${escapeText(unseen.sentence, 200)}` }
    : { mark: "🔵", text: `${name} · 100 % · good if it stays so until ${dateToken(until)}` };
}

/** What keeps a weight from being set: an engine that fails, or one that is on its way or not warm yet. */
function stuckOf({ failing }: Rollout): { stuck: string; stuckMark?: Mark } {
  if (!failing) return { stuck: "" };
  return { stuck: ` · ${stuckWords(failing)}`, stuckMark: failing.isWaiting ? "⚪" : "🟠" };
}

/** One line for lists and summaries. */
export function rolloutLine(rollout: Rollout): string {
  const { mark, text } = headlineOf(rollout);
  return `${mark} ${text} · ${dateToken(rollout.startedAt, "date_time")} by ${whoText(rollout.startedBy)}`;
}
