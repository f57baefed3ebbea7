/** Many grants at once, as they stand after their claims. */
import pg from "pg";
import { type Grant, type GrantId, jobs } from "../../../src/features/access/model.ts";
import { matchRule } from "../../../src/features/access/rule.ts";
import { writeGrant } from "../../../src/features/access/store.ts";
import type { Platform } from "../../../src/platform/platform.ts";
import { externalNameOf } from "../../../src/providers/accessors/contract.ts";
import { grantStatements } from "../../../src/providers/accessors/postgres-statements.ts";
import { scramVerifier } from "../../../src/providers/accessors/scram.ts";
import type { Orders } from "./orders.ts";

export interface ManyGrant {
  id: GrantId;
  login: string;
  dueAt: Date;
}

/** Active grants with their logins, due one after the other within `withinMs` of `startAt`. */
export async function makeGrants(
  { catalogs, clock, database }: Pick<Platform, "catalogs" | "clock" | "database">,
  orders: Orders,
  startAt: Date,
  { count, withinMs, password }: { count: number; withinMs: number; password: string },
): Promise<ManyGrant[]> {
  const matched = matchRule(catalogs.current(), "orders-db", "readonly");
  if (!matched.ok) throw new Error(matched.refusal.message);
  const now = clock.now();
  const verifier = await scramVerifier(password, Buffer.alloc(16, 7));
  const grants: ManyGrant[] = [];
  const manager = new pg.Client({ connectionString: orders.url });
  await manager.connect();
  const { rows } = await manager.query<{ version: number }>(
    "select current_setting('server_version_num')::int as version",
  );
  const dialect = { serverVersion: rows[0]?.version ?? 0, connectionsMax: 3 };
  const batch = 250;
  for (let first = 1; first <= count; first += batch) {
    const numbers = Array.from({ length: Math.min(batch, count - first + 1) }, (_, at) => first + at);
    const made = numbers.map((n) => ({
      id: `G-${n}` as GrantId,
      login: externalNameOf(`G-${n}`),
      dueAt: new Date(startAt.getTime() + Math.floor((n / count) * withinMs)),
    }));
    await manager.query(
      made
        .flatMap(({ id, login, dueAt }) =>
          grantStatements(
            { externalName: login, memberships: ["app_ro"], expiresAt: dueAt },
            verifier,
            id,
            dialect,
          ),
        )
        .join(";"),
    );
    await database.tx(async (tx) => {
      for (const { id, dueAt } of made) {
        await writeGrant(tx.trx, grantOf(id, dueAt, now, matched.value.terms), now);
        tx.ring({ job: jobs.end, ref: id, lane: "urgent", dueAt });
      }
    });
    grants.push(...made);
  }
  await manager.end();
  return grants;
}

function grantOf(id: GrantId, endsAt: Date, now: Date, terms: Grant["terms"]): Grant {
  const dev = { team: "T0LOCAL", person: "U0DEV" };
  return {
    id,
    seq: 4,
    requester: dev,
    personId: "dev",
    accounts: {},
    before: null,
    askedBy: dev,
    askedById: "dev",
    resource: "orders-db",
    role: "readonly",
    service: "shop",
    channel: "C0LEADS",
    terms,
    reason: "INC-42 stuck orders",
    askedMs: endsAt.getTime() - now.getTime(),
    notAfter: null,
    startAt: null,
    // One person has one grant of a role that continues no other.
    extends: `G-${1_000_000 + Number(id.slice(2))}` as GrantId,
    totalBeforeMs: 0,
    askedBefore: 0,
    requestedAt: now,
    decidedAt: now,
    claimedAt: now,
    overAt: null,
    basis: { is: "none-needed" },
    byHand: [],
    state: {
      is: "active",
      approvals: [],
      durationMs: endsAt.getTime() - now.getTime(),
      endsAt,
      externalId: "",
      revealedAt: now,
    },
  };
}
