import { createHash, randomBytes } from "node:crypto";
import { type Database, type Db, tables } from "./db/database.ts";
import type { Actor } from "./people.ts";
import { allow, type Decision, refuse } from "./refusal.ts";
import type { SecretBox } from "./secretbox.ts";

/** One row per token of a person's terminal; only the token's hash is kept. */
export interface OperatorTables {
  operator_tokens: {
    id: string;
    team: string;
    person: string;
    token_hash: string;
    created_at: Date;
    created_by: string;
    expires_at: Date;
    revoked_at: Date | null;
    last_used_at: Date | null;
  };
}

export interface OperatorToken {
  id: string;
  /** Slack team and user id. */
  team: string;
  person: string;
  createdAt: Date;
  expiresAt: Date;
  lastUsedAt: Date | null;
  revokedAt: Date | null;
}

const dayMs = 86_400_000;
/** Days a token works unless told, and at most. */
export const lifeDays = { standard: 30, max: 90 };
/** Terminals one person may be signed in from. */
const validMax = 5;

const hashOf = (token: string): string => createHash("sha256").update(token).digest("hex");

/** Signs a person's terminal in. The token is answered once. */
export async function createOperatorToken(
  database: Database,
  actor: Actor,
  person: { team: string; person: string },
  days: number = lifeDays.standard,
): Promise<Decision<{ id: string; token: string; expiresAt: Date }>> {
  if (!Number.isInteger(days) || days < 1 || days > lifeDays.max)
    return refuse({
      rule: "token-life",
      message: `A person's token works for 1 to ${lifeDays.max} days, not ${days}.`,
      hint: `Leave --days out for ${lifeDays.standard}.`,
    });
  const token = `qdo_${randomBytes(32).toString("base64url")}`;
  const id = `opr_${randomBytes(4).toString("hex")}`;
  return database.tx(async (tx) => {
    const db = tables<OperatorTables>(tx.trx);
    const valid = await db
      .selectFrom("operator_tokens")
      .select("id")
      .where("team", "=", person.team)
      .where("person", "=", person.person)
      .where("revoked_at", "is", null)
      .where("expires_at", ">", tx.now)
      .forUpdate()
      .execute();
    if (valid.length >= validMax)
      return refuse({
        rule: "five-tokens-at-most",
        message: `${person.person} has ${valid.length} valid tokens: ${valid.map((row) => row.id).join(", ")}.`,
        hint: "Revoke one first: quarterdeck token revoke <id>.",
      });
    const expiresAt = new Date(tx.now.getTime() + days * dayMs);
    await db
      .insertInto("operator_tokens")
      .values({
        id,
        ...person,
        token_hash: hashOf(token),
        created_at: tx.now,
        created_by: actor.person,
        expires_at: expiresAt,
        revoked_at: null,
        last_used_at: null,
      })
      .execute();
    tx.audit({ actor, action: "operator-token.created", subject: id, detail: { ...person, days } });
    return allow({ id, token, expiresAt });
  });
}

export async function revokeOperatorToken(
  database: Database,
  actor: Actor,
  id: string,
): Promise<Decision<{ id: string; person: string }>> {
  return database.tx(async (tx) => {
    const row = await tables<OperatorTables>(tx.trx)
      .updateTable("operator_tokens")
      .set({ revoked_at: tx.now })
      .where("id", "=", id)
      .where("revoked_at", "is", null)
      .returning(["team", "person"])
      .executeTakeFirst();
    if (!row)
      return refuse({
        rule: "known-token",
        message: `There is no valid token ${id}.`,
        hint: "quarterdeck token list shows them.",
      });
    tx.audit({ actor, action: "operator-token.revoked", subject: id, detail: row });
    return allow({ id, person: row.person });
  });
}

/** Ends all tokens of somebody who left. */
export async function revokeOperatorTokensOf(
  database: Database,
  actor: Actor,
  person: { team: string; person: string },
): Promise<void> {
  await database.tx(async (tx) => {
    const rows = await tables<OperatorTables>(tx.trx)
      .updateTable("operator_tokens")
      .set({ revoked_at: tx.now })
      .where("team", "=", person.team)
      .where("person", "=", person.person)
      .where("revoked_at", "is", null)
      .returning("id")
      .execute();
    for (const { id } of rows)
      tx.audit({ actor, action: "operator-token.revoked", subject: id, detail: person });
  });
}

export async function listOperatorTokens(db: Db): Promise<OperatorToken[]> {
  const rows = await tables<OperatorTables>(db)
    .selectFrom("operator_tokens")
    .selectAll()
    .orderBy("person")
    .orderBy("created_at")
    .execute();
  return rows.map((row) => ({
    id: row.id,
    team: row.team,
    person: row.person,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    lastUsedAt: row.last_used_at,
    revokedAt: row.revoked_at,
  }));
}

/** A terminal's token, or undefined when nobody may come in with it. */
export async function operatorOf(
  db: Db,
  token: string,
  now: Date,
): Promise<{ id: string; team: string; person: string } | undefined> {
  return tables<OperatorTables>(db)
    .updateTable("operator_tokens")
    .set({ last_used_at: now })
    .where("token_hash", "=", hashOf(token))
    .where("revoked_at", "is", null)
    .where("expires_at", ">", now)
    .returning(["id", "team", "person"])
    .executeTakeFirst();
}

const localPrefix = "qdl_";
/** Who can read the data folder's key may act as anybody of the local workspace, minutes at a time. */
const localLifeMs = 5 * 60_000;

/** A token for `start` on this machine, made from its key: no row, no way to use it elsewhere. */
export function signLocalOperator(box: SecretBox, person: string, now: Date): string {
  const claim = Buffer.from(JSON.stringify({ person, until: now.getTime() + localLifeMs })).toString(
    "base64url",
  );
  return `${localPrefix}${claim}.${box.sign(`operator:${claim}`)}`;
}

/** The person of a token by {@link signLocalOperator}; undefined when it is not one, is too old, or was altered. */
export function localOperatorOf(box: SecretBox, token: string, now: Date): string | undefined {
  const [claim, signature] = token.startsWith(localPrefix) ? token.slice(localPrefix.length).split(".") : [];
  if (!claim || !signature || !box.isSigned(`operator:${claim}`, signature)) return undefined;
  const { person, until } = JSON.parse(Buffer.from(claim, "base64url").toString("utf8")) as {
    person: string;
    until: number;
  };
  return until > now.getTime() && until <= now.getTime() + localLifeMs + 60_000 ? person : undefined;
}
