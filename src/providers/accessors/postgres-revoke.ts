import { ProviderError } from "../errors.ts";
import type { GrantRef, Revoked } from "./contract.ts";
import {
  absent,
  databasesWithTraces,
  type EndedSession,
  endOverdue,
  endSessions,
  findRole,
  hasSessions,
  isRoleGone,
  type RoleRow,
  supportedVersion,
} from "./postgres-roles.ts";
import { inTransaction, type Session, translated } from "./postgres-session.ts";
import {
  cleanStatements,
  dropStatement,
  inheritStatement,
  leaveGroupStatement,
  noLoginStatement,
} from "./postgres-statements.ts";

/** SQLSTATE `dependent_objects_still_exist`. */
const dependentObjects = "2BP01";
/** SQLSTATE `insufficient_privilege`. */
const insufficientPrivilege = "42501";

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
  if (!role) {
    const ended = await endOrphans(session, externalId);
    return {
      sessionsEnded: ended.length,
      cleaned: [],
      readBack: absent,
      lastsUntil: null,
      seen: ended.length === 0 ? undefined : seenText(ended),
    };
  }

  // Not one transaction: whatever fails further down, from here on nobody gets in.
  await session.query(noLoginStatement(externalName));
  await endOverdue(session, role.oid);
  // Whoever is not in has no use for groups, and they go with the login: each REVOKE has the server work out anew what we
  // are members of, and from 16 on that is every login we made.
  if (await hasSessions(session, role.oid)) {
    for (const group of role.readBack.memberships)
      await session.query(leaveGroupStatement(group, externalName));
    await mayLook(session, externalName, version);
  }
  const ended = await endSessions(session, role.oid);
  const cleaned = await clean(session, role, leftoversOwner, version, inDatabase);
  await drop(session, externalName);
  // A session admitted just before NOLOGIN may have shown up since, and lives on without its role.
  ended.push(...(await endSessions(session, role.oid)));
  const left = await findRole(session, externalName);
  return {
    sessionsEnded: ended.length,
    cleaned,
    readBack: left?.readBack ?? absent,
    lastsUntil: null,
    seen: seenText(ended, role.isOverdue),
  };
}

/** Whose session is whose others may not see. That it stays unseen is no reason to keep it. */
async function mayLook(session: Session, externalName: string, version: number): Promise<void> {
  try {
    await session.query(inheritStatement(externalName, version));
  } catch (error) {
    if ((error as { code?: string }).code !== insufficientPrivilege) throw error;
  }
}

/** Sessions told one by one; the rest are counted. */
const toldMax = 3;

/**
 * What stood in `pg_stat_activity`; who had been in before and left, Postgres does not keep.
 *
 * @param isOverdue its end came so late that the end of another login may have ended its sessions
 */
export function seenText(ended: readonly EndedSession[], isOverdue = false): string {
  if (ended.length === 0)
    return isOverdue
      ? "its end came late, and its sessions, if any were open, were ended before it with those of other overdue logins: Postgres keeps no count of them"
      : "no session was open at its end";
  const visible = ended.flatMap(({ since, application }) => (since ? [{ since, application }] : []));
  const oldestFirst = visible.sort((one, other) => one.since.getTime() - other.since.getTime());
  const told = oldestFirst
    .slice(0, toldMax)
    .map(
      ({ since, application }) =>
        `${nameOf(application)} since ${since.toISOString().slice(0, 16).replace("T", " ")} UTC`,
    );
  const more = ended.length - told.length;
  const open = `${ended.length} ${ended.length === 1 ? "session was" : "sessions were"} open at its end`;
  if (told.length === 0) return open;
  return `${open}: ${told.join(", ")}${more > 0 ? `, and ${more} more` : ""}`;
}

/** Clients name themselves as they like. */
const nameOf = (application: string): string =>
  application
    .replaceAll(/[^\x20-\x7e]/g, "")
    .trim()
    .slice(0, 30) || "a client without a name";

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
async function endOrphans(session: Session, oid: string | undefined): Promise<EndedSession[]> {
  if (oid === undefined || !/^[1-9][0-9]{0,9}$/.test(oid)) return [];
  return (await isRoleGone(session, oid)) ? await endSessions(session, oid) : [];
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
