/** Requests and grants for programs. What was handed out is on no page of this: it is shown once, on the console. */
import { z } from "zod";
import { type ApiRoute, defineApiRoute } from "../../platform/feature.ts";
import { allow, refuse } from "../../platform/refusal.ts";
import { countedApprovals, type Grant } from "./model.ts";
import type { Room } from "./room.ts";
import { listGrants, readGrant } from "./store.ts";

const states = [
  "requested",
  "approved",
  "granting",
  "active",
  "revoking",
  "ended",
  "denied",
  "lapsed",
  "withdrawn",
] as const satisfies readonly Grant["state"]["is"][];

const whoSchema = z.object({ team: z.string(), person: z.string() });
const grantSchema = z.object({
  id: z.string(),
  resource: z.string(),
  role: z.string(),
  grants: z.string().meta({ description: "What the role grants, in words." }),
  service: z.string().nullable(),
  requester: whoSchema,
  askedBy: whoSchema,
  state: z.enum(states),
  askedSec: z.int(),
  requestedAt: z.iso.datetime(),
  approvals: z.array(whoSchema),
  endsAt: z.iso.datetime().nullable().meta({ description: "When it ends, or was to end." }),
  overAt: z.iso.datetime().nullable(),
});

const shown = (grant: Grant): z.output<typeof grantSchema> => ({
  id: grant.id,
  resource: grant.resource,
  role: grant.role,
  grants: grant.terms.grants,
  service: grant.service,
  requester: grant.requester,
  askedBy: grant.askedBy,
  state: grant.state.is,
  askedSec: Math.round(grant.askedMs / 1_000),
  requestedAt: grant.requestedAt.toISOString(),
  approvals: countedApprovals(grant).map(({ by }) => by),
  endsAt: "endsAt" in grant.state ? grant.state.endsAt.toISOString() : null,
  overAt: grant.overAt?.toISOString() ?? null,
});

export function accessApi({ platform }: Room): readonly ApiRoute[] {
  const { db } = platform.database;
  return [
    defineApiRoute({
      method: "GET",
      path: "/access",
      operationId: "listAccess",
      about: "Requests and grants, the newest first; their reasons are on the cards and not here.",
      scope: "read",
      query: z.strictObject({
        state: z.enum(states).optional(),
        resource: z.string().max(63).optional(),
        service: z.string().max(63).optional(),
        limit: z.coerce.number().int().min(1).max(200).default(50),
      }),
      answer: z.object({ grants: z.array(grantSchema) }),
      handle: async ({ query: { state, ...filter }, services }) => {
        const found = await listGrants(db, { ...filter, services, states: state && [state] });
        return allow({ grants: found.map(shown) });
      },
    }),
    defineApiRoute({
      method: "GET",
      path: "/access/:id",
      operationId: "readAccess",
      about: "One request or grant.",
      scope: "read",
      answer: grantSchema,
      handle: async ({ params, covers }) => {
        const found = await readGrant(db, params.id ?? "");
        return found && covers(found.service)
          ? allow(shown(found))
          : refuse({ rule: "known-thing", message: "There is no grant of this id that the token covers." });
      },
    }),
  ];
}
