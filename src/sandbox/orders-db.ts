import pg from "pg";
import type { Cluster } from "../platform/embedded/cluster.ts";
import { leastPrivilegeSetup } from "../providers/accessors/postgres-setup.ts";

/** Who Quarterdeck is in the demo's database: no superuser, it may only make and end logins. */
const manager = "quarterdeck_manager";
const leftovers = "orders_leftovers";
const groups = ["app_ro", "app_rw"] as const;

/**
 * Makes the demo's `orders` database in a cluster of its own, as a platform engineer would: two group roles, an owner
 * for what grantees leave, a manager with least privilege. Idempotent.
 *
 * @returns connection string of the manager
 */
export async function prepareOrdersDb(cluster: Cluster): Promise<string> {
  const password = await cluster.password(manager);
  await asAdmin(cluster.url("postgres"), async (client) => {
    for (const role of [...groups, leftovers]) await ensureRole(client, role, "nologin");
    await ensureRole(client, manager, `login password ${client.escapeLiteral(password)}`);
    const { rows } = await client.query<{ server_version_num: string }>("show server_version_num");
    for (const statement of leastPrivilegeSetup(manager, groups, leftovers, {
      serverVersion: Number(rows[0]?.server_version_num),
    }))
      await client.query(statement);
    const found = await client.query("select 1 from pg_database where datname = 'orders'");
    if (found.rowCount === 0) await client.query("create database orders");
    await client.query("revoke connect on database orders from public");
    await client.query(`grant connect on database orders to ${manager}, ${groups.join(", ")}`);
  });
  await asAdmin(cluster.url("orders"), async (client) => {
    await client.query(
      "create table if not exists orders (id bigint generated always as identity primary key, item text not null, state text not null, placed_at timestamptz not null default now())",
    );
    await client.query(
      "insert into orders (item, state) select 'lamp ' || n, case when n % 7 = 0 then 'stuck' else 'sent' end from generate_series(1, 50) n where not exists (select from orders)",
    );
    await client.query("grant select on all tables in schema public to app_ro");
    await client.query("grant select, insert, update, delete on all tables in schema public to app_rw");
  });
  return cluster.url("orders", { user: manager, password });
}

async function ensureRole(client: pg.Client, role: string, options: string): Promise<void> {
  const found = await client.query("select 1 from pg_roles where rolname = $1", [role]);
  await client.query(
    `${found.rowCount === 0 ? "create" : "alter"} role ${client.escapeIdentifier(role)} ${options}`,
  );
}

async function asAdmin(url: string, work: (client: pg.Client) => Promise<void>): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}
