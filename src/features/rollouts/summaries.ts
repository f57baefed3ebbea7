import type { Summaries, SummaryLine } from "../../platform/feature.ts";
import { escapeText } from "../../platform/messages/blocks.ts";
import type { Platform } from "../../platform/platform.ts";
import { driftLine } from "./cards.ts";
import { becauseText, headlineOf, holdReason, rolloutLine } from "./headline.ts";
import { isAtWeight, isOver, isWaitingForPerson, type Rollout } from "./model.ts";
import { queuedLine } from "./queue-card.ts";
import { findQueued, listQueued, type Queued } from "./queue-store.ts";
import { findRollout, listRollouts } from "./store.ts";

const mineMax = 10;

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
