import pg from "pg";
import { afterAll, describe, expect, it } from "vitest";
import { type FreshDatabase, freshDatabase } from "./postgres.ts";

const made: FreshDatabase[] = [];
const fresh = async () => {
  const database = await freshDatabase();
  made.push(database);
  return database;
};
afterAll(async () => {
  for (const database of made) await database.drop();
});

async function ask(connectionString: string, statement: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    return (await client.query(statement)).rows;
  } finally {
    await client.end();
  }
}

describe("freshDatabase", () => {
  it("gives every caller a database of its own, also when many ask at once", async () => {
    const databases = await Promise.all([fresh(), fresh(), fresh()]);
    await ask(databases[0]?.ownerUrl ?? "", "create table only_here (id int)");
    await expect(ask(databases[1]?.ownerUrl ?? "", "select * from only_here")).rejects.toMatchObject({
      code: "42P01",
    });
    expect(new Set(databases.map((database) => database.url)).size).toBe(3);
  });

  it("lets the owner make tables and schemas, and the app role neither", async () => {
    const database = await fresh();
    await ask(database.ownerUrl, "create schema own; create table own.t (id int); create table t (id int)");
    await expect(ask(database.url, "create table u (id int)")).rejects.toMatchObject({ code: "42501" });
    await expect(ask(database.url, "create schema u")).rejects.toMatchObject({ code: "42501" });
    await expect(ask(database.url, "drop table t")).rejects.toMatchObject({ code: "42501" });
    expect(await ask(database.url, "select current_user as name")).toEqual([{ name: "quarterdeck_app" }]);
  });

  it("drops the database with connections still open", async () => {
    const database = await freshDatabase();
    const left = new pg.Client({ connectionString: database.url });
    left.on("error", () => undefined);
    await left.connect();
    await database.drop();
    await expect(ask(database.url, "select 1")).rejects.toMatchObject({ code: "3D000" });
    await left.end().catch(() => undefined);
  });
});
