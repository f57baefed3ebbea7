import type { ConsoleParts, Summaries, SummaryLine } from "../../platform/feature.ts";
import { escapeText } from "../../platform/messages/blocks.ts";
import type { Platform } from "../../platform/platform.ts";
import { cardKey, driftLine } from "./cards.ts";
import { becauseText, headlineOf, holdReason, rolloutLine } from "./headline.ts";
import { isAtWeight, isOver, isWaitingForPerson, type Rollout } from "./model.ts";
import { rolloutsPath } from "./page.ts";
import { queuedLine } from "./queue-card.ts";
import { findQueued, listQueued, type Queued } from "./queue-store.ts";
import { findRollout, listRollouts } from "./store.ts";

const mineMax = 10;
const goingMax = 50;

/** Lower where somebody is waited for. */
function rankOf(rollout: Rollout): number {
  const { state, failing, verdict } = rollout;
  if (state.is === "reverting" || (failing && !failing.isWaiting)) return 0;
  if (isWaitingForPerson(rollout)) return 5;
  const held = holdReason(verdict);
  return state.is === "paused" || (held && !held.isPatient) ? 5 : 20;
}

const lineOf = (rollout: Rollout): SummaryLine => ({ rank: rankOf(rollout), text: rolloutLine(rollout) });
const queuedLineOf = (queued: Queued): SummaryLine => ({ rank: 25, text: queuedLine(queued) });

/** Rollouts of the console's first pages: all in flight; those that wait for somebody who may move them. */
export function rolloutConsole({
  platform: { database, authz },
}: {
  platform: Pick<Platform, "database" | "authz">;
}): ConsoleParts {
  const going = () => listRollouts(database.db, { isInFlight: true, limit: goingMax });
  return {
    going: {
      title: "Rollouts",
      path: rolloutsPath,
      async lines() {
        const [found, queued] = await Promise.all([going(), listQueued(database.db)]);
        return [...found.map(lineOf), ...queued.map(queuedLineOf)].sort((a, b) => a.rank - b.rank);
      },
    },
    async waiting(actor) {
      const waiting = (await going()).filter((rollout) => rankOf(rollout) <= 5);
      const mine = await Promise.all(
        waiting.map(({ service, startedBy }) =>
          startedBy.team === actor.team && startedBy.person === actor.person
            ? true
            : authz.authorise(actor, "responder", { service }).then(
                ({ ok }) => ok,
                // Slack cannot say who is in a group: shown, and decided when pressed.
                () => true,
              ),
        ),
      );
      return waiting
        .filter((_rollout, index) => mine[index])
        .map((rollout) => ({
          ...lineOf(rollout),
          what: rankOf(rollout) === 0 ? "A rollout cannot go on by itself" : "A rollout waits for somebody",
          card: cardKey(rollout.id),
        }));
    },
  };
}

export function rolloutSummaries({ database }: Pick<Platform, "database">): Summaries {
  return {
    async mine({ team, person }) {
      const own = await listRollouts(database.db, {
        startedBy: { team, person },
        isInFlight: true,
        limit: mineMax,
      });
      const queued = await listQueued(database.db, { by: { team, person } });
      return [...own.map(lineOf), ...queued.map(queuedLineOf)];
    },

    async status(service) {
      const found = await listRollouts(database.db, { service, isInFlight: true, limit: mineMax });
      return [...found.map(lineOf), ...(await listQueued(database.db, { service })).map(queuedLineOf)];
    },

    async why(thing) {
      const queued = "id" in thing ? await findQueued(database.db, thing.id) : undefined;
      if (queued && queued.state !== "started") return [queuedLineOf(queued)];
      const rollout =
        "id" in thing
          ? await findRollout(database.db, thing.id)
          : ((await listRollouts(database.db, { service: thing.service, isInFlight: true, limit: 1 }))[0] ??
            (await listRollouts(database.db, { service: thing.service, limit: 1 }))[0]);
      return rollout ? whyLines(rollout) : [];
    },
  };
}

function whyLines(rollout: Rollout): SummaryLine[] {
  const { mark, text } = headlineOf(rollout);
  const { state, verdict } = rollout;
  const first: SummaryLine = { rank: 10, text: `${mark} ${text}` };
  if (state.is === "reverting" || state.is === "reverted") {
    const { because } = state;
    const sentences =
      because.cause === "person"
        ? [becauseText(because)]
        : because.sentences.map((line) => escapeText(line, 300));
    return [first, ...sentences.map((line, index) => ({ rank: 11 + index, text: `• ${line}` }))];
  }
  const { drift } = rollout;
  if (drift && isAtWeight(state))
    return [
      first,
      { rank: 11, text: `• ${escapeText(drift.sentence, 300)}` },
      { rank: 12, text: `• ${driftLine(drift)}` },
      ...(verdict?.reasons ?? [])
        .filter(({ code }) => code !== "drift")
        .map(({ sentence }, index) => ({ rank: 13 + index, text: `• ${escapeText(sentence, 300)}` })),
    ];
  const reasons = isOver(rollout) ? [] : (verdict?.reasons ?? []);
  return [
    first,
    ...reasons.map(({ sentence }, index) => ({ rank: 11 + index, text: `• ${escapeText(sentence, 300)}` })),
  ];
}
