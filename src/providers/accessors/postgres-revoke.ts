import { ProviderError } from "../errors.ts";
import type { GrantRef, Revoked } from "./contract.ts";
import {
  absent,
  databasesWithTraces,
  endSessions,
  findRole,
  isRoleGone,
  type RoleRow,
  supportedVersion,
} from "./postgres-roles.ts";
import { inTransaction, type Session, translated } from "./postgres-session.ts";
import {
  cleanStatements,
  dropStatement,
  leaveGroupStatement,
  noLoginStatement,
} from "./postgres-statements.ts";

/** SQLSTATE `dependent_objects_still_exist`. */
const dependentObjects = "2BP01";

/** Works in another database of the same cluster. */
export type InDatabase = <T>(database: string, work: (session: Session) => Promise<T>) => Promise<T>;

/** The end of a login, in the one order that leaves no way in open. Whatever fails, the next call goes on from there. */
export async function revoke(
  session: Session,
  { externalName, externalId }: Pick<GrantRef, "externalName" | "externalId">,
  leftoversOwner: string,
  inDatabase: InDatabase,
): Promise<Revoked> {
  const version = await supportedVersion(session);
  await session.query("SELECT pg_advisory_lock(hashtextextended($1, 0))", [externalName]);
  const role = await findRole(session, externalName);
  if (!role)
    return {
      sessionsEnded: await endOrphans(session, externalId),
      cleaned: [],
      readBack: absent,
      lastsUntil: null,
    };

  // Not one transaction: whatever fails further down, from here on nobody gets in.
  await session.query(noLoginStatement(externalName));
  for (const group of role.readBack.memberships)
    await session.query(leaveGroupStatement(group, externalName));
  let sessionsEnded = await endSessions(session, role.oid);
  const cleaned = await clean(session, role, leftoversOwner, version, inDatabase);
  await drop(session, externalName);
  // A session admitted just before NOLOGIN may have shown up since, and lives on without its role.
  sessionsEnded += await endSessions(session, role.oid);
  const left = await findRole(session, externalName);
  return { sessionsEnded, cleaned, readBack: left?.readBack ?? absent, lastsUntil: null };
}

async function drop(session: Session, externalName: string): Promise<void> {
  try {
    await session.query(dropStatement(externalName));
  } catch (error) {
    const cause = translated(error);
    if ((error as { code?: string }).code !== dependentObjects) throw cause;
    const hint = `Somebody else granted ${externalName} rights directly; run DROP OWNED BY ${externalName} there as a superuser, then revoke again. It cannot log in meanwhile`;
    throw new ProviderError(cause.code, cause.message, hint, error);
  }
}

/** Sessions of a login that an earlier try dropped before it died. */
async function endOrphans(session: Session, oid: string | undefined): Promise<number> {
  if (oid === undefined || !/^[1-9][0-9]{0,9}$/.test(oid)) return 0;
  return (await isRoleGone(session, oid)) ? await endSessions(session, oid) : 0;
}

async function clean(
  session: Session,
  role: RoleRow,
  owner: string,
  version: number,
  inDatabase: InDatabase,
): Promise<string[]> {
  const traces = await databasesWithTraces(session, role.oid);
  const statements = cleanStatements(role.name, owner, version);
  const run = (where: Session) =>
    inTransaction(where, async () => {
      for (const statement of statements) await where.query(statement);
    });
  const databases = traces.filter((name) => name !== null);
  for (const database of databases) {
    try {
      await inDatabase(database, run);
    } catch (error) {
      if (!(error instanceof ProviderError)) throw error;
      const hint = `The manager needs CONNECT on database ${database}, and to be a member of ${owner}. ${error.hint}`;
      throw new ProviderError(
        error.code,
        `Cleaning up after ${role.name} in database ${database}: ${error.message}`,
        hint,
        error,
      );
    }
  }
  // What is shared by all databases (rights on a database, say) can be cleaned from any.
  if (databases.length === 0 && traces.length > 0) await run(session);
  return databases;
}
