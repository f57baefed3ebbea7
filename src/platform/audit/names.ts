/**
 * Names of people, kept beside the audit and never in it: an entry holds (team, user id) alone, and whoever reads it
 * is shown the name that stands here. Taking the name away leaves every entry as it was signed.
 */
import { type Kysely, type Migration, sql } from "kysely";
import type { Catalog } from "../../catalog/schema.ts";
import type { Db, Tx } from "../db/database.ts";
import type { Actor } from "../people.ts";

/** `name` is null once erased: the row stays, so that a catalog read later does not bring the name back. */
const peopleNames = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    create table people_names (
      team text not null, person text not null, name text, since timestamptz not null, erased_at timestamptz,
      primary key (team, person), check ((name is null) = (erased_at is not null)));
  `.execute(db);
};

export const namesMigrations: Record<string, Migration> = {
  "2026-11-25T1741-people-names": { up: peopleNames },
};

/** Names at first sight and as they change; who was erased stays without one. */
export async function keepNames(db: Db, catalog: Catalog, now: Date): Promise<void> {
  const rows = catalog.people.flatMap(({ name, slack }) =>
    Object.entries(slack).map(([team, person]) => ({ team, person, name, since: now })),
  );
  if (rows.length === 0) return;
  await db
    .insertInto("people_names")
    .values(rows)
    .onConflict((conflict) =>
      conflict
        .columns(["team", "person"])
        .doUpdateSet({ name: sql`excluded.name`, since: sql`excluded.since` })
        .where(
          sql<boolean>`people_names.erased_at is null and people_names.name is distinct from excluded.name`,
        ),
    )
    .execute();
}

/** Takes a person's name away for good. Answers false when none was kept. */
export async function eraseName(
  tx: Tx,
  actor: Actor,
  { team, person }: { team: string; person: string },
): Promise<boolean> {
  const erased = await tx.trx
    .updateTable("people_names")
    .set({ name: null, erased_at: tx.now })
    .where("team", "=", team)
    .where("person", "=", person)
    .where("erased_at", "is", null)
    .executeTakeFirst();
  if (erased.numUpdatedRows === 0n) return false;
  tx.audit({ actor, action: "audit.person-erased", subject: `${team}:${person}` });
  return true;
}

/**
 * Takes name and address of a person out of the catalogs that were in force once. Such a catalog no longer hashes to
 * its digest, which still says which one it was; the entry of the erasure says why.
 */
export async function eraseFromOldCatalogs(
  tx: Tx,
  { team, person }: { team: string; person: string },
): Promise<{ changed: number; isNamedNow: boolean }> {
  const account = JSON.stringify({ people: [{ slack: { [team]: person } }] });
  const named = await tx.trx
    .selectFrom("catalogs")
    .select(["digest", "content"])
    .where(sql<boolean>`content @> ${account}::jsonb`)
    .forUpdate()
    .execute();
  const inForce = await tx.trx.selectFrom("catalog_in_force").select("digest").executeTakeFirst();
  let changed = 0;
  for (const { digest, content } of named) {
    if (digest === inForce?.digest) continue;
    const catalog = content as Catalog;
    const people = catalog.people.map((one) => {
      if (one.slack[team] !== person) return one;
      const { email: _email, accounts: _accounts, ...rest } = one;
      return { ...rest, name: erasedName };
    });
    if (catalog.people.some((one) => one.slack[team] === person && one.name !== erasedName)) changed += 1;
    await tx.trx
      .updateTable("catalogs")
      .set({ content: JSON.stringify({ ...catalog, people }) })
      .where("digest", "=", digest)
      .execute();
  }
  return { changed, isNamedNow: named.some(({ digest }) => digest === inForce?.digest) };
}

const erasedName = "erased";
