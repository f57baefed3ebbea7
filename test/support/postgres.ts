import { randomBytes } from "node:crypto";
import pg from "pg";
import { inject } from "vitest";
import { provisionDatabase } from "../../src/platform/embedded/provision.ts";

export interface FreshDatabase {
  /** The app role `quarterdeck_app`, which owns nothing: what web and worker connect as. */
  url: string;
  /** The owner role `quarterdeck_owner`: what `migrate` connects as. */
  ownerUrl: string;
  /** The superuser: for what neither role may do, such as cutting off connections. */
  adminUrl: string;
  drop(): Promise<void>;
}

const owner = { user: "quarterdeck_owner", password: "owner-of-tests" };
const app = { user: "quarterdeck_app", password: "app-of-tests" };

/**
 * A new, empty database on the run's one Postgres, with the two roles of production.
 *
 * ```ts
 * const database = await freshDatabase();
 * afterAll(() => database.drop());
 * ```
 */
export async function freshDatabase(): Promise<FreshDatabase> {
  const answer = await fetch(inject("testPostgresDoor"));
  const adminUrl = await answer.text();
  if (!answer.ok) throw new Error(`The test run has no Postgres: ${adminUrl}`);
  const database = `test_${randomBytes(6).toString("hex")}`;
  await provisionDatabase(adminUrl, { database, owner, app });
  return {
    url: urlOf(adminUrl, database, app),
    ownerUrl: urlOf(adminUrl, database, owner),
    adminUrl: urlOf(adminUrl, database),
    drop: () => asAdmin(adminUrl, `drop database if exists ${database} with (force)`),
  };
}

function urlOf(adminUrl: string, database: string, role?: { user: string; password: string }): string {
  const url = new URL(adminUrl);
  url.pathname = `/${database}`;
  if (role) {
    url.username = role.user;
    url.password = role.password;
  }
  return url.href;
}

async function asAdmin(adminUrl: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: adminUrl });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
