/**
 * A Flagger canary as it is heard of, and what its webhooks are answered. Pure.
 * Source: Flagger docs, "Webhooks", and its controller (pkg/controller/scheduler.go): a status of 200 to 202 lets a
 * webhook pass, everything above fails it, 204 too. A gate is asked again at every tick until it passes; while
 * confirm-rollout is closed, rollback is not asked.
 *
 * going → promoted | failed; or superseded by a newer revision; or lost, when Flagger is not heard of for a day
 */
import type { BudgetLevel } from "../../catalog/schema.ts";
import type { Id } from "../../platform/ids.ts";
import type { Who } from "../rollouts/index.ts";

/** Types of Flagger's webhooks; each has an address of its own, because the body does not tell them apart. */
export const hookTypes = [
  "confirm-rollout",
  "pre-rollout",
  "rollout",
  "confirm-traffic-increase",
  "confirm-promotion",
  "rollback",
  "post-rollout",
  "event",
] as const;
export type HookType = (typeof hookTypes)[number];

export const gates = ["confirm-rollout", "confirm-traffic-increase", "confirm-promotion"] as const;
export type Gate = (typeof gates)[number];

/** Somebody's decision to let a gate pass for a while. */
export interface Opened {
  readonly by: Who;
  readonly atMs: number;
  readonly untilMs: number;
  readonly reason?: string | undefined;
  /** By a lead: counts as the approval that a small budget asks for. */
  readonly isLead: boolean;
}

/** The last answer to a webhook. */
export interface Asked {
  readonly sinceMs: number;
  readonly lastMs: number;
  readonly hasPassed: boolean;
  readonly because: string;
}

/** How the service stands, read by the worker every few seconds, so that no gate waits for it. */
export interface Standing {
  readonly atMs: number;
  readonly level: BudgetLevel;
  readonly words: string;
  readonly users: "well" | "hurting" | "unknown";
  readonly freeze?: string | undefined;
}

export interface Canary {
  /** Hook source: one per cluster. */
  readonly source: string;
  readonly namespace: string;
  readonly name: string;
  /** Of the canary's spec and configuration; empty where Flagger is too old to send it. */
  readonly checksum: string;
}

export type Ending = "promoted" | "failed" | "superseded" | "lost";

export interface Run extends Canary {
  readonly id: Id<"rollout">;
  readonly service: string;
  readonly environment: string;
  readonly version: string;
  readonly channel: string;
  readonly phase: string;
  readonly weightPercent?: number | undefined;
  readonly startedAt: Date;
  readonly heardAt: Date;
  readonly endedAt?: Date | undefined;
  readonly ending?: Ending | undefined;
  readonly opened: Readonly<Partial<Record<Gate, Opened>>>;
  readonly asked: Readonly<Partial<Record<HookType, Asked>>>;
  readonly rollback?:
    | { readonly by: Who; readonly atMs: number; readonly reason?: string | undefined }
    | undefined;
  readonly standing?: Standing | undefined;
  readonly isPaged: boolean;
  /** Goes up with every decision and every gate that begins to wait. */
  readonly seq: number;
}

/** What one webhook says. */
export interface Heard extends Canary {
  readonly type: HookType;
  readonly phase: string;
  readonly service?: string | undefined;
  readonly environment?: string | undefined;
  readonly version?: string | undefined;
  readonly message?: string | undefined;
  /** Of events alone. */
  readonly at?: Date | undefined;
}

export interface Answer {
  readonly hasPassed: boolean;
  readonly because: string;
}

/** What was read of a service longer ago than this is not known any more. */
export const standingMsMax = 120_000;
/** A gate that was not asked for this long does not wait any more. */
export const waitingMsMax = 10 * 60_000;
/** Gates are open for a while only; this long where nobody says, and at most. */
export const openMs = { usual: 15 * 60_000, most: 4 * 3_600_000 };
/** Flagger has not taken a rollback after this long: a person is woken. */
export const stuckMs = 180_000;
/** Not heard of for this long, a canary counts as gone. */
export const lostMs = 86_400_000;

const pass = (because: string): Answer => ({ hasPassed: true, because });
const stop = (because: string): Answer => ({ hasPassed: false, because });

/** The answer to one webhook. Closed unless something stored says otherwise. */
export function answerOf(run: Run, type: HookType, now: Date): Answer {
  switch (type) {
    case "post-rollout":
    case "event":
      return pass("noted");
    case "rollback":
      return run.rollback && !run.endedAt
        ? pass("somebody decided to roll back")
        : stop("nobody decided to roll back");
    case "confirm-rollout":
    case "confirm-traffic-increase":
    case "confirm-promotion":
    case "pre-rollout":
    case "rollout":
      return stopped(run) ?? checkOf(run, type, now);
  }
}

function stopped(run: Run): Answer | undefined {
  if (run.endedAt) return stop(`this canary is over: ${run.ending ?? "ended"}`);
  if (run.rollback) return stop("it is being rolled back");
  return undefined;
}

function checkOf(run: Run, type: Gate | "pre-rollout" | "rollout", now: Date): Answer {
  // What burns the whole service is no evidence against the canary: it holds at the gates and fails no check.
  if (type === "rollout") return pass("nobody decided to roll back");
  const opened = type === "pre-rollout" ? run.opened["confirm-rollout"] : run.opened[type];
  if (type !== "pre-rollout") {
    if (!opened) return stop("nobody opened this gate");
    if (now.getTime() >= opened.untilMs) return stop("it was open for a while and is closed again");
  }
  const held = heldBy(run.standing, opened?.isLead ?? false, type, now);
  if (held !== undefined) return stop(held);
  return pass(type === "pre-rollout" ? "the service may change" : "somebody opened it");
}

/** Why the service may not change now; undefined when it may. */
export function heldBy(
  standing: Standing | undefined,
  isApproved: boolean,
  type: Gate | "pre-rollout",
  now: Date,
): string | undefined {
  if (!standing || now.getTime() - standing.atMs > standingMsMax)
    return "how the service stands is not known now";
  if (standing.users === "hurting") return "users of the service are hurting";
  const isStart = type === "confirm-rollout" || type === "pre-rollout";
  if (isStart && standing.freeze !== undefined) return standing.freeze;
  if (standing.level === "freeze" && (isStart || !isApproved)) return standing.words;
  if (standing.level === "approval" && !isApproved) return standing.words;
  return undefined;
}

/** The gate that Flagger stands at now, asked last and not passed. */
export function waitingGate(run: Run, now: Date): Gate | undefined {
  if (run.endedAt) return undefined;
  const [first] = gates
    .flatMap((gate) => {
      const asked = run.asked[gate];
      return asked && !asked.hasPassed && now.getTime() - asked.lastMs <= waitingMsMax
        ? [{ gate, asked }]
        : [];
    })
    .sort((a, b) => b.asked.lastMs - a.asked.lastMs);
  return first?.gate;
}

const goingPhases = new Set(["waiting", "progressing", "waitingpromotion", "promoting", "finalising"]);

/** Whether a webhook tells of a new version on its way; the others make no run. */
export const isGoing = ({ phase, type, message }: Heard): boolean =>
  goingPhases.has(phase.toLowerCase()) &&
  type !== "post-rollout" &&
  endingOf({ phase, message }) === undefined;

/** Flagger's last words may come with the phase before. */
function endingOf({ phase, message = "" }: Pick<Heard, "phase" | "message">): Ending | undefined {
  const word = phase.toLowerCase();
  if (word === "succeeded" || message.startsWith("Promotion completed")) return "promoted";
  if (word === "failed" || word === "terminated" || message.startsWith("Canary failed")) return "failed";
  return undefined;
}

/** What a webhook and the answer to it make of the run. */
export function afterHeard(run: Run, heard: Heard, answer: Answer, now: Date): Run {
  if (run.endedAt) return run;
  const { type, message } = heard;
  const ending = endingOf(heard);
  const before = run.asked[type];
  const isSame = before?.hasPassed === answer.hasPassed && before.because === answer.because;
  const asked: Asked = {
    sinceMs: isSame ? before.sinceMs : now.getTime(),
    lastMs: now.getTime(),
    ...answer,
  };
  const weight = /canary weight (\d{1,3})\b/.exec(message ?? "")?.[1];
  const after: Run = {
    ...run,
    phase: heard.phase,
    version: heard.version ?? run.version,
    weightPercent: weight === undefined ? run.weightPercent : Number(weight),
    heardAt: now,
    asked: { ...run.asked, [type]: asked },
    ...(ending === undefined ? {} : { endedAt: now, ending }),
  };
  const isNews = ending !== undefined || waitingGate(after, now) !== waitingGate(run, now);
  return isNews ? { ...after, seq: run.seq + 1 } : after;
}

/** A poll that changes nothing people see is written this seldom. */
const writeEveryMs = 30_000;

/** Whether the webhook must be written down before it is answered. */
export function isNews(run: Run, heard: Heard, answer: Answer, now: Date): boolean {
  const before = run.asked[heard.type];
  if (run.endedAt) return false;
  return (
    before === undefined ||
    before.hasPassed !== answer.hasPassed ||
    before.because !== answer.because ||
    run.phase !== heard.phase ||
    heard.type === "event" ||
    now.getTime() - before.lastMs >= writeEveryMs
  );
}

/**
 * An event that begins no new run: one sent before the newest ended and arriving after it; one of another revision
 * while the newest is going, unless it says that this revision is the new one.
 */
export function isLate(newest: Run, heard: Heard): boolean {
  if (heard.type !== "event") return false;
  if (newest.checksum !== heard.checksum)
    return newest.endedAt === undefined && !heard.message?.startsWith("New revision detected");
  return newest.endedAt !== undefined && heard.at !== undefined && heard.at <= newest.endedAt;
}
