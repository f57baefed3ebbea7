/**
 * A catalog that gives rights which the one in force does not waits, as a proposal bound to both by digest, until
 * enough owners of the catalog in force approved it. What it gives is kept in words, beside it and not in the audit.
 */
import { createHash } from "node:crypto";
import { type Kysely, type Migration, sql } from "kysely";
import type { Catalog } from "../catalog/schema.ts";
import type { Db, Trx, Tx } from "./db/database.ts";
import { type Actor, systemActor } from "./people.ts";

/** Rung when a proposal began to wait, was decided or fell away; its ref is the proposal's id. */
export const proposalEvent = "catalog.proposal";

const proposalTables = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    create table catalog_proposals (
      id text primary key, digest text not null, base text not null, content jsonb not null, source text not null,
      team text not null, person text not null, proposed_at timestamptz not null, words jsonb not null,
      state text not null check (state in ('waiting','approved','denied','superseded')), decided_at timestamptz,
      decided_team text, decided_by text, reason text, check ((state = 'waiting') = (decided_at is null)));
    create unique index catalog_proposals_one on catalog_proposals (state) where state = 'waiting';
    create table catalog_approvals (
      proposal text not null references catalog_proposals on delete cascade, person_id text not null, team text not null,
      person text not null, at timestamptz not null, primary key (proposal, person_id));
  `.execute(db);
};

export const proposalMigrations: Record<string, Migration> = {
  "2026-11-25T1743-catalog-proposals": { up: proposalTables },
};

export interface Proposal {
  /** Twelve hex digits that stand for the catalog and the one it would follow. */
  id: string;
  digest: string;
  base: string;
  catalog: Catalog;
  source: string;
  /** Who proposed it; undefined where it came from files. */
  by: { team: string; person: string } | undefined;
  proposedAt: Date;
  /** What it gives, a line each. */
  words: readonly string[];
  state: "waiting" | "approved" | "denied" | "superseded";
  decided:
    | { at: Date; by: { team: string; person: string } | undefined; reason: string | undefined }
    | undefined;
  approvals: readonly Approval[];
}

export interface Approval {
  /** Id in the catalog: two accounts of a person are one person. */
  personId: string;
  team: string;
  person: string;
  at: Date;
}

/** What a catalog gives that the one before it did not, a line each. */
export type Loosened = (before: Catalog, after: Catalog) => readonly string[];

export type Offered =
  | { state: "in-force" }
  | { state: "waiting" | "denied"; id: string; words: readonly string[] };

/**
 * Decides what becomes of a catalog, under the lock of the one in force. `undefined`: it may be put in force now,
 * because there was none, or because it gives nothing.
 */
export async function holdIfLoosening(
  tx: Tx,
  loosened: Loosened,
  before: { digest: string; catalog: Catalog } | undefined,
  offered: { catalog: Catalog; digest: string; source: string; actor: Actor },
): Promise<Offered | undefined> {
  if (before === undefined) return undefined;
  const words = loosened(before.catalog, offered.catalog);
  const id = words.length === 0 ? undefined : proposalId(before.digest, offered.digest);
  const known = id === undefined ? undefined : await lockProposal(tx.trx, id);
  if (known?.state === "waiting" || known?.state === "denied")
    return { state: known.state, id: known.id, words: known.words };
  await supersedeOthers(tx, id);
  if (id === undefined) return undefined;
  const { actor } = offered;
  // The same change, approved once and taken back since, is a new change: nobody's word of then counts.
  await tx.trx.deleteFrom("catalog_approvals").where("proposal", "=", id).execute();
  const again = {
    source: offered.source,
    team: actor.team,
    person: actor.person,
    proposed_at: tx.now,
    words: JSON.stringify(words),
    content: JSON.stringify(offered.catalog),
    state: "waiting" as const,
    decided_at: null,
    decided_team: null,
    decided_by: null,
    reason: null,
  };
  await tx.trx
    .insertInto("catalog_proposals")
    .values({ id, digest: offered.digest, base: before.digest, ...again })
    .onConflict((conflict) => conflict.column("id").doUpdateSet(again))
    .execute();
  tx.audit({
    actor,
    action: "catalog.waiting",
    subject: id,
    before: before.digest,
    after: offered.digest,
    detail: { source: offered.source, gives: words.length, words: digestOfWords(words) },
    correlation: id,
  });
  tx.emit(proposalEvent, id);
  return { state: "waiting", id, words };
}

const proposalId = (base: string, digest: string): string =>
  createHash("sha256").update(`${base} ${digest}`).digest("hex").slice(0, 12);

const digestOfWords = (words: readonly string[]): string =>
  createHash("sha256").update(JSON.stringify(words)).digest("hex");

/** A catalog that was put in force, or another that waits, takes the place of what waited. */
export async function supersedeOthers(tx: Tx, id: string | undefined): Promise<void> {
  const gone = await tx.trx
    .updateTable("catalog_proposals")
    .set({ state: "superseded", decided_at: tx.now })
    .where("state", "=", "waiting")
    .where("id", "!=", id ?? "")
    .returning("id")
    .execute();
  for (const { id: old } of gone) tx.emit(proposalEvent, old);
}

export async function lockProposal(trx: Trx, id: string): Promise<Proposal | undefined> {
  await trx.selectFrom("catalog_proposals").select("id").where("id", "=", id).forUpdate().execute();
  return readProposal(trx, id);
}

export async function readProposal(db: Db, id: string): Promise<Proposal | undefined> {
  return (await readProposals(db, { id }))[0];
}

/** The one that waits, or one by its id. */
export async function readProposals(db: Db, which: { id: string } | "waiting"): Promise<Proposal[]> {
  const rows = await db
    .selectFrom("catalog_proposals")
    .selectAll()
    .$if(which === "waiting", (query) => query.where("state", "=", "waiting"))
    .$if(which !== "waiting", (query) => query.where("id", "=", which === "waiting" ? "" : which.id))
    .execute();
  return Promise.all(
    rows.map(async (row) => ({
      id: row.id,
      digest: row.digest,
      base: row.base,
      catalog: row.content as Catalog,
      source: row.source,
      by: row.team === systemActor.team ? undefined : { team: row.team, person: row.person },
      proposedAt: row.proposed_at,
      words: row.words as string[],
      state: row.state,
      decided: row.decided_at
        ? {
            at: row.decided_at,
            by:
              row.decided_team !== null && row.decided_by !== null
                ? { team: row.decided_team, person: row.decided_by }
                : undefined,
            reason: row.reason ?? undefined,
          }
        : undefined,
      approvals: (
        await db
          .selectFrom("catalog_approvals")
          .selectAll()
          .where("proposal", "=", row.id)
          .orderBy("at")
          .execute()
      ).map(({ person_id, team, person, at }) => ({ personId: person_id, team, person, at })),
    })),
  );
}
