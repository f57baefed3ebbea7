/** Rollouts for programs: the same rows the card and the page show. */
import { z } from "zod";
import { type ApiRoute, defineApiRoute } from "../../platform/feature.ts";
import { allow, refuse } from "../../platform/refusal.ts";
import { indexOf, type Rollout } from "./model.ts";
import type { Room } from "./room.ts";
import { findRollout, listRollouts } from "./store.ts";

const rolloutSchema = z.object({
  id: z.string(),
  service: z.string(),
  environment: z.string(),
  from: z.string(),
  to: z.string(),
  state: z.string(),
  /** Of the plan, from 0. */
  step: z.int(),
  steps: z.array(z.number()).meta({ description: "Per cent of traffic, step by step." }),
  startedBy: z.object({ team: z.string(), person: z.string() }),
  startedAt: z.iso.datetime(),
  deadlineAt: z.iso.datetime(),
  endedAt: z.iso.datetime().nullable(),
  verdict: z.object({ do: z.string(), reasons: z.array(z.string()) }).nullable(),
});

const shown = (rollout: Rollout): z.output<typeof rolloutSchema> => ({
  id: rollout.id,
  service: rollout.service,
  environment: rollout.environment,
  from: rollout.from,
  to: rollout.to,
  state: rollout.state.is,
  step: indexOf(rollout),
  steps: rollout.plan.steps.map(({ weightPercent }) => weightPercent),
  startedBy: rollout.startedBy,
  startedAt: rollout.startedAt.toISOString(),
  deadlineAt: rollout.deadlineAt.toISOString(),
  endedAt: rollout.endedAt?.toISOString() ?? null,
  verdict: rollout.verdict
    ? { do: rollout.verdict.do, reasons: rollout.verdict.reasons.map(({ sentence }) => sentence) }
    : null,
});

export function rolloutApi({ platform }: Room): readonly ApiRoute[] {
  const { db } = platform.database;
  return [
    defineApiRoute({
      method: "GET",
      path: "/rollouts",
      operationId: "listRollouts",
      about: "Rollouts, the newest first.",
      scope: "read",
      query: z.strictObject({
        service: z.string().max(63).optional(),
        inFlight: z.stringbool().optional().meta({ description: "Only those that are not over." }),
        limit: z.coerce.number().int().min(1).max(200).default(50),
      }),
      answer: z.object({ rollouts: z.array(rolloutSchema) }),
      handle: async ({ query, services }) => {
        const found = await listRollouts(db, { ...query, services, isInFlight: query.inFlight });
        return allow({ rollouts: found.map(shown) });
      },
    }),
    defineApiRoute({
      method: "GET",
      path: "/rollouts/:id",
      operationId: "readRollout",
      about: "One rollout.",
      scope: "read",
      answer: rolloutSchema,
      handle: async ({ params, covers }) => {
        const found = await findRollout(db, params.id ?? "");
        return found && covers(found.service)
          ? allow(shown(found))
          : refuse({ rule: "known-thing", message: "There is no rollout of this id that the token covers." });
      },
    }),
  ];
}
