import pg from "pg";

export interface Role {
  user: string;
  password: string;
}

/** Serialises makers of roles: Postgres has no `create role if not exists`. */
const roleLock = 0x51_64_72_6f;

/**
 * Makes the two roles that Quarterdeck runs with and a database for them, each unless it is there: the owner, who
 * migrates, and the app, which owns nothing. Passwords are set to those given.
 *
 * @param adminUrl connection of a role that may create roles and databases
 */
export async function provisionDatabase(
  adminUrl: string,
  wanted: { database: string; owner: Role; app: Role },
): Promise<void> {
  const client = new pg.Client({ connectionString: adminUrl });
  await client.connect();
  try {
    await client.query("select pg_advisory_lock($1)", [roleLock]);
    for (const role of [wanted.owner, wanted.app]) await ensureRole(client, role);
    const database = client.escapeIdentifier(wanted.database);
    const found = await client.query("select 1 from pg_database where datname = $1", [wanted.database]);
    if (found.rowCount === 0)
      await client.query(`create database ${database} owner ${client.escapeIdentifier(wanted.owner.user)}`);
    await client.query(`revoke all on database ${database} from public`);
    await client.query(
      `grant connect on database ${database} to ${client.escapeIdentifier(wanted.app.user)}`,
    );
  } finally {
    await client.end();
  }
}

async function ensureRole(client: pg.Client, role: Role): Promise<void> {
  const found = await client.query("select 1 from pg_roles where rolname = $1", [role.user]);
  const verb = found.rowCount === 0 ? "create" : "alter";
  await client.query(
    `${verb} role ${client.escapeIdentifier(role.user)} login nosuperuser nocreatedb nocreaterole password ${client.escapeLiteral(role.password)}`,
  );
}
