import { randomBytes } from "node:crypto";
import { type Database, type Db, tables } from "./db/database.ts";
import { type ApiScope, apiScopes } from "./feature.ts";
import type { Actor } from "./people.ts";
import { allow, type Decision, refuse } from "./refusal.ts";
import type { SecretBox } from "./secretbox.ts";

/** One row per token of the HTTP API; only the token's hash is kept. */
interface ApiTokenTables {
  api_tokens: {
    id: string;
    team: string;
    person: string;
    token_hash: string;
    scopes: string[];
    /** Teams of the catalog whose things it covers; null: all. */
    teams: string[] | null;
    note: string;
    created_at: Date;
    created_by: string;
    expires_at: Date;
    revoked_at: Date | null;
    last_used_at: Date | null;
  };
}

export interface ApiToken {
  id: string;
  /** Slack team and user id: whose rights it has, no more. */
  team: string;
  person: string;
  scopes: readonly ApiScope[];
  teams: readonly string[] | null;
  note: string;
  createdAt: Date;
  expiresAt: Date;
  lastUsedAt: Date | null;
  revokedAt: Date | null;
}

export interface ApiTokenWish {
  scopes: readonly string[];
  teams?: readonly string[] | undefined;
  minutes?: number | undefined;
  /** What it is for, in the words of whoever makes it. */
  note?: string | undefined;
}

/** Minutes a token works: unless told, at least, at most. Longer than a shift it would be a password. */
export const lifeMinutes = { standard: 60, min: 5, max: 12 * 60 };
/** Valid tokens of one person. */
const validMax = 10;
const noteCharsMax = 100;

/** Keyed, so that who can write rows and has not the key makes no token that counts. */
const hashOf = (box: SecretBox, token: string): string => box.sign(`api-token:${token}`);
const isScope = (scope: string): scope is ApiScope => (apiScopes as readonly string[]).includes(scope);

/** Makes a token with a person's rights, or a part of them. It is answered once. */
export async function createApiToken(
  database: Database,
  actor: Actor,
  person: { team: string; person: string },
  wish: ApiTokenWish,
  /** Teams of the catalog. */
  known: readonly string[],
  box: SecretBox,
): Promise<Decision<{ id: string; token: string; expiresAt: Date }>> {
  const { minutes = lifeMinutes.standard, note = "" } = wish;
  const scopes = wish.scopes.filter(isScope);
  if (scopes.length !== wish.scopes.length || scopes.length === 0)
    return refuse({
      rule: "token-scopes",
      message: `A token's scopes are some of ${apiScopes.join(", ")}; "${wish.scopes.join(", ")}" was asked.`,
    });
  const stranger = wish.teams?.find((name) => !known.includes(name));
  if (stranger !== undefined || wish.teams?.length === 0)
    return refuse({
      rule: "token-teams",
      message:
        stranger === undefined
          ? "A token for no team does nothing."
          : `The catalog has no team "${stranger}".`,
      hint: `It has: ${known.join(", ")}.`,
    });
  if (!Number.isInteger(minutes) || minutes < lifeMinutes.min || minutes > lifeMinutes.max)
    return refuse({
      rule: "token-life",
      message: `A token of the API works for ${lifeMinutes.min} minutes to ${lifeMinutes.max / 60} hours, not ${minutes} minutes.`,
      hint: `Say nothing for ${lifeMinutes.standard / 60} hour; make another one when it has run out.`,
    });
  if (note.length > noteCharsMax)
    return refuse({ rule: "token-note", message: `Say what it is for in ${noteCharsMax} characters.` });
  const token = `qda_${randomBytes(32).toString("base64url")}`;
  const id = `api_${randomBytes(4).toString("hex")}`;
  return database.tx(async (tx) => {
    const db = tables<ApiTokenTables>(tx.trx);
    const valid = await db
      .selectFrom("api_tokens")
      .select("id")
      .where("team", "=", person.team)
      .where("person", "=", person.person)
      .where("revoked_at", "is", null)
      .where("expires_at", ">", tx.now)
      .forUpdate()
      .execute();
    if (valid.length >= validMax)
      return refuse({
        rule: "ten-tokens-at-most",
        message: `${person.person} has ${valid.length} valid tokens of the API.`,
        hint: "Revoke one first, or wait until one runs out.",
      });
    const expiresAt = new Date(tx.now.getTime() + minutes * 60_000);
    await db
      .insertInto("api_tokens")
      .values({
        id,
        ...person,
        token_hash: hashOf(box, token),
        scopes: [...new Set(scopes)],
        teams: wish.teams ? [...new Set(wish.teams)] : null,
        note,
        created_at: tx.now,
        created_by: actor.person,
        expires_at: expiresAt,
        revoked_at: null,
        last_used_at: null,
      })
      .execute();
    const detail = { ...person, scopes, teams: wish.teams, minutes };
    tx.audit({ actor, action: "api-token.created", subject: id, detail });
    return allow({ id, token, expiresAt });
  });
}

/** `of`: only if it is this person's. */
export async function revokeApiToken(
  database: Database,
  actor: Actor,
  id: string,
  of?: { team: string; person: string },
): Promise<Decision<{ person: string }>> {
  return database.tx(async (tx) => {
    let query = tables<ApiTokenTables>(tx.trx)
      .updateTable("api_tokens")
      .set({ revoked_at: tx.now })
      .where("id", "=", id)
      .where("revoked_at", "is", null);
    if (of) query = query.where("team", "=", of.team).where("person", "=", of.person);
    const row = await query.returning(["team", "person"]).executeTakeFirst();
    if (!row) return refuse({ rule: "known-token", message: `There is no valid token ${id.slice(0, 30)}.` });
    tx.audit({ actor, action: "api-token.revoked", subject: id, detail: row });
    return allow({ person: row.person });
  });
}

/** Ends all tokens of somebody who left. */
export async function revokeApiTokensOf(
  database: Database,
  actor: Actor,
  person: { team: string; person: string },
): Promise<void> {
  const valid = (await listApiTokens(database.db, person)).filter(({ revokedAt }) => revokedAt === null);
  for (const { id } of valid) await revokeApiToken(database, actor, id);
}

/** Newest first. */
export async function listApiTokens(db: Db, of?: { team: string; person: string }): Promise<ApiToken[]> {
  let query = tables<ApiTokenTables>(db).selectFrom("api_tokens").selectAll();
  if (of) query = query.where("team", "=", of.team).where("person", "=", of.person);
  const rows = await query.orderBy("created_at", "desc").limit(200).execute();
  return rows.map((row) => ({
    id: row.id,
    team: row.team,
    person: row.person,
    scopes: row.scopes.filter(isScope),
    teams: row.teams,
    note: row.note,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    lastUsedAt: row.last_used_at,
    revokedAt: row.revoked_at,
  }));
}

/** Whom a token stands for and what it covers; undefined when nobody may come in with it. */
export async function apiTokenOf(
  db: Db,
  token: string,
  now: Date,
  box: SecretBox,
): Promise<Pick<ApiToken, "id" | "team" | "person" | "scopes" | "teams"> | undefined> {
  const row = await tables<ApiTokenTables>(db)
    .updateTable("api_tokens")
    .set({ last_used_at: now })
    .where("token_hash", "=", hashOf(box, token))
    .where("revoked_at", "is", null)
    .where("expires_at", ">", now)
    .returning(["id", "team", "person", "scopes", "teams"])
    .executeTakeFirst();
  return row && { ...row, scopes: row.scopes.filter(isScope) };
}
