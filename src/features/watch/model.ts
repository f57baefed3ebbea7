/** What is known of Quarterdeck itself, and what follows from it. Pure. */
export const lanes = ["urgent", "normal", "bulk"] as const;
export type Lane = (typeof lanes)[number];

/** What Slack said to the last call that asked whether it takes our token. */
export type SlackWord =
  | { is: "valid" }
  | { is: "rejected"; code: string }
  | { is: "unreachable"; code: string; validAt: Date | null };

/** What was seen at one moment. Absent times: nothing of that kind waits, or it was never seen. */
export interface Evidence {
  at: Date;
  /** Milliseconds between the clock that deadlines are judged by and the database's own. */
  clockOffMs: number;
  /** When the oldest delivery came in that is not folded yet. */
  deliverySince: Date | null;
  /** When a ring last went through the doorbell and a worker, by lane. */
  rangAt: Readonly<Record<Lane, Date | null>>;
  /** When a worker was last heard of. */
  workerAt: Date | null;
  /** When the step of a page fell due that has longest not been taken. */
  pageStepSince: Date | null;
  /** Since when a message waits to be shown, urgent ones and all. */
  urgentSince: Date | null;
  messageSince: Date | null;
  slack: SlackWord | null;
}

/** Worst first: what explains what comes after it. */
export const conditions = ["clock", "workers", "rings", "slack", "paging", "deliveries", "outbox"] as const;
export type Condition = (typeof conditions)[number];

export interface Finding {
  condition: Condition;
  isWell: boolean;
  /** One fact with its number; what is wrong when it is not well. */
  saw: string;
}

/** Milliseconds past which each is not well. */
export const limits = {
  clockOff: 2_000,
  /** A delivery is folded within a second; a storm of ten thousand within half a minute. */
  delivery: 60_000,
  /** Each lane is rung every 20 s. */
  ring: 60_000,
  /** A worker writes that it lives every 10 s. */
  worker: 45_000,
  pageStep: 30_000,
  /** Pages, approvals, answers to people. */
  urgentMessage: 60_000,
  /** A storm fills a channel's budget of one post a second for minutes. */
  message: 300_000,
  /** A network that comes and goes is not Slack away. */
  slackSilent: 180_000,
};

/** What can be seen of each condition; every condition once, in the order of {@link conditions}. */
export function findingsOf(evidence: Evidence): readonly Finding[] {
  return conditions.map((condition) => ({ condition, ...findings[condition](evidence) }));
}

type Seen = Omit<Finding, "condition">;

const findings: Readonly<Record<Condition, (evidence: Evidence) => Seen>> = {
  clock: ({ clockOffMs }) =>
    Math.abs(clockOffMs) <= limits.clockOff
      ? well("the clock follows the database's")
      : bad(`the clock is ${secondsText(Math.abs(clockOffMs))} off the database's`),
  workers: ({ at, workerAt }) =>
    isWithin(at, workerAt, limits.worker)
      ? well("a worker lives")
      : bad(workerAt ? `no worker was heard of for ${ageText(at, workerAt)}` : "no worker was ever heard of"),
  rings: ({ at, rangAt }) => {
    const late = lanes.filter((lane) => !isWithin(at, rangAt[lane], limits.ring));
    if (late.length === 0) return well("every lane of the queue is worked");
    const words = late.map((lane) =>
      rangAt[lane] ? `${lane} for ${ageText(at, rangAt[lane])}` : `${lane} never`,
    );
    return bad(`nothing came through the queue: ${words.join(", ")}`);
  },
  slack: ({ at, slack }) => {
    if (slack === null) return bad("Slack was not asked yet");
    if (slack.is === "valid") return well("Slack takes the token");
    if (slack.is === "rejected") return bad(`Slack rejects the token: ${slack.code}`);
    return isWithin(at, slack.validAt, limits.slackSilent)
      ? well("Slack took the token a moment ago")
      : bad(`Slack cannot be reached: ${slack.code}`);
  },
  paging: ({ at, pageStepSince }) =>
    waits(at, pageStepSince, limits.pageStep, "a page's next step is", "no page is late"),
  deliveries: ({ at, deliverySince }) =>
    waits(
      at,
      deliverySince,
      limits.delivery,
      "an alert taken is not folded, it waits",
      "what came in is folded",
    ),
  outbox: ({ at, urgentSince, messageSince }) => {
    const urgent = waits(at, urgentSince, limits.urgentMessage, "an urgent message is", "messages are shown");
    if (!urgent.isWell) return urgent;
    return waits(at, messageSince, limits.message, "a message is", urgent.saw);
  },
};

const well = (saw: string): Seen => ({ isWell: true, saw });
const bad = (saw: string): Seen => ({ isWell: false, saw });

function waits(at: Date, since: Date | null, maxMs: number, what: string, otherwise: string): Seen {
  if (since === null || at.getTime() - since.getTime() <= maxMs) return well(otherwise);
  return bad(`${what} ${ageText(at, since)} late`);
}

const isWithin = (at: Date, since: Date | null, maxMs: number): boolean =>
  since !== null && at.getTime() - since.getTime() <= maxMs;

export const secondsText = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;

/** `45 s`, `12 min`, `3 h 5 min` */
export function spanText(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000));
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 120) return `${minutes} min`;
  return minutes % 60 === 0 ? `${minutes / 60} h` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

const ageText = (at: Date, since: Date): string => spanText(at.getTime() - since.getTime());

/** What keeps the heartbeat from going out, in one line; undefined when nothing does. */
export function whySilent(found: readonly Finding[]): string | undefined {
  const wrong = found.filter(({ isWell }) => !isWell);
  return wrong.length === 0 ? undefined : wrong.map(({ saw }) => saw).join("; ");
}

/** Conditions that, while they are not well, make the one in front not well: it is no trouble of its own. */
const explainedBy: Readonly<Record<Condition, readonly Condition[]>> = {
  clock: [],
  workers: [],
  rings: ["workers"],
  slack: [],
  paging: ["workers", "rings"],
  deliveries: ["workers", "rings"],
  outbox: ["workers", "rings", "slack"],
};

/** Where a condition stands. A trouble is told of once, however often it comes and goes within minutes. */
export type Standing =
  | { state: "well" }
  | { state: "suspect"; since: Date }
  | { state: "trouble"; since: Date }
  | { state: "easing"; since: Date; wellSince: Date };

/** Milliseconds that something must last before people are told, and before it counts as over. */
export const steady = { trouble: 30_000, over: 120_000 };

export type Turn = "opens" | "ends" | "stays";

/** What one more look makes of it. `isExplained`: another trouble is the cause of this one. */
export function step(
  standing: Standing,
  isWell: boolean,
  isExplained: boolean,
  at: Date,
): { next: Standing; turn: Turn } {
  const stays = (next: Standing) => ({ next, turn: "stays" as const });
  switch (standing.state) {
    case "well":
      return stays(isWell || isExplained ? standing : { state: "suspect", since: at });
    case "suspect": {
      if (isWell || isExplained) return stays({ state: "well" });
      const hasLasted = at.getTime() - standing.since.getTime() >= steady.trouble;
      return hasLasted
        ? { next: { state: "trouble", since: standing.since }, turn: "opens" }
        : stays(standing);
    }
    case "trouble":
      return stays(isWell ? { state: "easing", since: standing.since, wellSince: at } : standing);
    case "easing":
      if (!isWell) return stays({ state: "trouble", since: standing.since });
      return at.getTime() - standing.wellSince.getTime() >= steady.over
        ? { next: { state: "well" }, turn: "ends" }
        : stays(standing);
  }
}

/** Whether another condition that is not well is why this one is not. */
export function isExplained(condition: Condition, found: readonly Finding[]): boolean {
  return found.some(({ condition: other, isWell }) => !isWell && explainedBy[condition].includes(other));
}
