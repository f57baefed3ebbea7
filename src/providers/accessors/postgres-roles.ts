import { ProviderError } from "../errors.ts";
import { externalPrefix, type ReadBack } from "./contract.ts";
import type { Session } from "./postgres-session.ts";
import { keyInMark, markPrefix, neverGroups, oldestVersion } from "./postgres-statements.ts";

export interface RoleRow {
  oid: string;
  name: string;
  idempotencyKey: string | null;
  /** Its own limit passed so long ago that any end of another login may have ended its sessions, see {@link endOverdue}. */
  isOverdue: boolean;
  readBack: ReadBack;
}

export const absent: ReadBack = {
  exists: false,
  canLogin: false,
  validUntil: null,
  memberships: [],
  openSessions: 0,
};

/** How long past its own limit a login's sessions wait for its own end. */
const overdueAfter = "interval '10 s'";

const roleQuery = `
  select r.oid::text as oid, r.rolname as name, r.rolcanlogin as can_login,
    case when isfinite(r.rolvaliduntil) then r.rolvaliduntil end as valid_until,
    coalesce(r.rolvaliduntil < clock_timestamp() - ${overdueAfter}, false) as is_overdue,
    shobj_description(r.oid, 'pg_authid') as comment,
    array(select g.rolname::text from pg_auth_members m join pg_roles g on g.oid = m.roleid
          where m.member = r.oid group by g.rolname order by g.rolname) as memberships,
    coalesce(a.open_sessions, 0) as open_sessions
  from pg_roles r
  left join (select usesysid, count(*)::int as open_sessions from pg_stat_activity group by usesysid) a
    on a.usesysid = r.oid`;

interface RawRole {
  oid: string;
  name: string;
  can_login: boolean;
  valid_until: Date | null;
  is_overdue: boolean;
  comment: string | null;
  memberships: string[];
  open_sessions: number;
}

const roleOf = (row: RawRole): RoleRow => ({
  oid: row.oid,
  name: row.name,
  idempotencyKey: keyInMark(row.comment),
  isOverdue: row.is_overdue,
  readBack: {
    exists: true,
    canLogin: row.can_login,
    validUntil: row.valid_until,
    memberships: row.memberships,
    openSessions: row.open_sessions,
  },
});

export async function findRole(session: Session, name: string): Promise<RoleRow | undefined> {
  const { rows } = await session.query<RawRole>(`${roleQuery} where r.rolname = $1`, [name]);
  return rows[0] && roleOf(rows[0]);
}

export async function listRoles(session: Session): Promise<RoleRow[]> {
  const { rows } = await session.query<RawRole>(
    `${roleQuery} where starts_with(r.rolname, $1) order by r.rolname`,
    [externalPrefix],
  );
  return rows.map(roleOf);
}

export async function serverVersion(session: Session): Promise<number> {
  const { rows } = await session.query<{ version: number }>(
    "select current_setting('server_version_num')::int as version",
  );
  return rows[0]?.version ?? 0;
}

export interface ManagerRights {
  manager: string;
  canCreateRoles: boolean;
}

export async function managerRights(session: Session): Promise<ManagerRights> {
  const { rows } = await session.query<{ name: string; can: boolean }>(
    "select rolname as name, rolcreaterole or rolsuper as can from pg_roles where rolname = current_user",
  );
  return { manager: rows[0]?.name ?? "", canCreateRoles: rows[0]?.can ?? false };
}

export interface GroupFacts {
  name: string;
  /** Roles with power over the server that the group is, or is a member of. */
  dangers: readonly string[];
  /** Whether the manager may put others into it; always true before 16, where CREATEROLE is enough. */
  isGrantable: boolean;
}

/** Facts on those of `groups` that exist. */
export async function groupFacts(session: Session, groups: readonly string[]): Promise<GroupFacts[]> {
  const { rows } = await session.query<{ name: string; dangers: string[]; grantable: boolean }>(
    `select g.rolname as name,
       array(select p.rolname::text from pg_roles p
             where (p.rolsuper or p.rolcreaterole or p.rolreplication or p.rolbypassrls or p.rolname = any($2))
               and pg_has_role(g.oid, p.oid, 'MEMBER') order by p.rolname) as dangers,
       current_setting('server_version_num')::int < 160000
         or pg_has_role(g.oid, 'MEMBER WITH ADMIN OPTION') as grantable
     from pg_roles g where g.rolname = any($1) order by g.rolname`,
    [groups, [...neverGroups]],
  );
  return rows.map((row) => ({ name: row.name, dangers: row.dangers, isGrantable: row.grantable }));
}

/** Databases in which the role owns something or has a right; null stands for things shared by all of them. */
export async function databasesWithTraces(session: Session, oid: string): Promise<(string | null)[]> {
  const { rows } = await session.query<{ name: string | null }>(
    `select distinct d.datname as name from pg_shdepend s left join pg_database d on d.oid = s.dbid
     where s.refclassid = 'pg_authid'::regclass and s.refobjid = $1::oid and (s.dbid = 0 or d.oid is not null)
     order by 1 nulls last`,
    [oid],
  );
  return rows.map((row) => row.name);
}

/** How long one round waits for a session to go, in milliseconds. */
const terminateWaitMs = 2_000;

/** A session that was ended. */
export interface EndedSession {
  /** Null when the manager may not see it. */
  since: Date | null;
  /** As the client named itself; text from outside. */
  application: string;
}

/**
 * Ends every session of the role and waits until none is left, however many rounds it takes: the caller's deadline
 * ends it. By oid, since a session outlives its role's name.
 */
export async function endSessions(session: Session, oid: string): Promise<EndedSession[]> {
  const ended = new Map<number, EndedSession>();
  for (;;) {
    const { rows } = await session.query<{ pid: number } & EndedSession>(
      `select pid, backend_start as since, coalesce(application_name, '') as application,
         pg_terminate_backend(pid, ${terminateWaitMs})
       from pg_stat_activity where usesysid = $1::oid`,
      [oid],
    );
    if (rows.length === 0) return [...ended.values()];
    for (const { pid, since, application } of rows) ended.set(pid, { since, application });
  }
}

export async function hasSessions(session: Session, oid: string): Promise<boolean> {
  const { rows } = await session.query("select 1 from pg_stat_activity where usesysid = $1::oid limit 1", [
    oid,
  ]);
  return rows.length > 0;
}

/**
 * Ends the sessions of every other login of ours whose own limit passed 10 s ago: the server lets them in no more, and a
 * session that was open then must not wait until the ends of a thousand others had their turn. Their own ends, which
 * tell of sessions, come sooner unless they are that late; then they say that they cannot.
 *
 * @param ownOid whose end tells of its sessions itself
 */
export async function endOverdue(session: Session, ownOid: string): Promise<void> {
  await session.query(
    `select pg_terminate_backend(a.pid) from pg_stat_activity a join pg_roles r on r.oid = a.usesysid
     where starts_with(r.rolname, $1) and r.rolvaliduntil < clock_timestamp() - ${overdueAfter}
       and starts_with(coalesce(shobj_description(r.oid, 'pg_authid'), ''), $2) and r.oid <> $3::oid`,
    [externalPrefix, markPrefix, ownOid],
  );
}

export async function isRoleGone(session: Session, oid: string): Promise<boolean> {
  const { rows } = await session.query("select 1 from pg_roles where oid = $1::oid", [oid]);
  return rows.length === 0;
}

/** Throws `rejected` when the server is too old for us. */
export async function supportedVersion(session: Session): Promise<number> {
  const version = await serverVersion(session);
  if (version >= oldestVersion) return version;
  throw new ProviderError(
    "rejected",
    `Postgres ${Math.floor(version / 10_000)} is too old`,
    "The accessor works with Postgres 14 or later",
  );
}
