import { createHash, randomBytes } from "node:crypto";
import type { Database, Db } from "./db/database.ts";
import type { Actor } from "./people.ts";
import { allow, type Decision, refuse } from "./refusal.ts";

/** Two tokens of a source and team may be valid at once, so that one can be rotated without losing a delivery. */
const validMax = 2;

export interface HookToken {
  id: string;
  source: string;
  team: string;
  createdAt: Date;
  lastUsedAt: Date | null;
  revokedAt: Date | null;
}

const hashOf = (token: string): string => createHash("sha256").update(token).digest("hex");

/** The token is answered once; only its hash is kept. */
export async function createHookToken(
  database: Database,
  actor: Actor,
  source: string,
  team: string,
): Promise<Decision<{ id: string; token: string }>> {
  const token = `qdh_${randomBytes(24).toString("base64url")}`;
  const id = `tok_${randomBytes(4).toString("hex")}`;
  return database.tx(async (tx) => {
    const valid = await tx.trx
      .selectFrom("hook_tokens")
      .select("id")
      .where("source", "=", source)
      .where("team", "=", team)
      .where("revoked_at", "is", null)
      .forUpdate()
      .execute();
    if (valid.length >= validMax)
      return refuse({
        rule: "two-tokens-at-most",
        message: `Source ${source} of team ${team} has ${valid.length} valid tokens: ${valid.map((row) => row.id).join(", ")}.`,
        hint: "Revoke one first: quarterdeck token revoke <id>.",
      });
    await tx.trx
      .insertInto("hook_tokens")
      .values({
        id,
        source,
        team,
        token_hash: hashOf(token),
        created_at: tx.now,
        created_by: actor.person,
        revoked_at: null,
        last_used_at: null,
      })
      .execute();
    tx.audit({ actor, action: "hook-token.created", subject: id, detail: { source, team } });
    return allow({ id, token });
  });
}

export async function revokeHookToken(
  database: Database,
  actor: Actor,
  id: string,
): Promise<Decision<HookToken>> {
  return database.tx(async (tx) => {
    const row = await tx.trx
      .updateTable("hook_tokens")
      .set({ revoked_at: tx.now })
      .where("id", "=", id)
      .where("revoked_at", "is", null)
      .returningAll()
      .executeTakeFirst();
    if (!row)
      return refuse({
        rule: "known-token",
        message: `There is no valid token ${id}.`,
        hint: "quarterdeck token list shows them.",
      });
    tx.audit({
      actor,
      action: "hook-token.revoked",
      subject: id,
      detail: { source: row.source, team: row.team },
    });
    return allow({
      id,
      source: row.source,
      team: row.team,
      createdAt: row.created_at,
      lastUsedAt: row.last_used_at,
      revokedAt: row.revoked_at,
    });
  });
}

export async function listHookTokens(db: Db): Promise<HookToken[]> {
  const rows = await db
    .selectFrom("hook_tokens")
    .selectAll()
    .orderBy("source")
    .orderBy("created_at")
    .execute();
  return rows.map((row) => ({
    id: row.id,
    source: row.source,
    team: row.team,
    createdAt: row.created_at,
    lastUsedAt: row.last_used_at,
    revokedAt: row.revoked_at,
  }));
}

/** How long a process trusts what it read of a token; a revoked one works at most this much longer. */
const trustMs = 5_000;
const rememberedMax = 1_000;

/** Answers who a token belongs to, or undefined. Remembers for a few seconds, so a storm costs one read. */
export function createHookAuth(
  db: Db,
  now: () => Date,
): (source: string, token: string) => Promise<{ id: string; team: string } | undefined> {
  const remembered = new Map<string, { until: number; owner: { id: string; team: string } | undefined }>();
  return async (source, token) => {
    const hash = hashOf(token);
    const key = `${source}:${hash}`;
    const at = now();
    const hit = remembered.get(key);
    if (hit && hit.until > at.getTime()) return hit.owner;
    const row = await db
      .updateTable("hook_tokens")
      .set({ last_used_at: at })
      .where("token_hash", "=", hash)
      .where("source", "=", source)
      .where("revoked_at", "is", null)
      .returning(["id", "team"])
      .executeTakeFirst();
    if (remembered.size >= rememberedMax) remembered.clear();
    remembered.set(key, { until: at.getTime() + trustMs, owner: row });
    return row;
  };
}
