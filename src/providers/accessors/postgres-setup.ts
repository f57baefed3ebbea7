import { assertGroup, fineGrainedGrantsVersion, quoteName } from "./postgres-statements.ts";

export interface SetupOptions {
  /** `server_version_num`; from 16 on the manager needs ADMIN on each group. */
  serverVersion: number;
}

/**
 * What a superuser runs once, so that the accessor works as a role that is no superuser: `managerName` may make and
 * drop logins, end their sessions, put them into `groups` (without having the groups' rights itself) and hand what they leave to `owner`.
 * `owner` should be a NOLOGIN role made for this: the manager has its rights. The manager's password is set apart,
 * with `\password`, and it needs CONNECT on every database that grantees may enter.
 */
export function leastPrivilegeSetup(
  managerName: string,
  groups: readonly string[],
  owner: string,
  options: SetupOptions,
): string[] {
  for (const name of [managerName, owner, ...groups]) assertGroup(name, [name]);
  const manager = quoteName(managerName);
  const isFineGrained = options.serverVersion >= fineGrainedGrantsVersion;
  return [
    `ALTER ROLE ${manager} NOSUPERUSER CREATEROLE NOCREATEDB NOREPLICATION NOBYPASSRLS`,
    `GRANT pg_signal_backend TO ${manager}`,
    ...groups.map((group) =>
      isFineGrained
        ? `GRANT ${quoteName(group)} TO ${manager} WITH ADMIN TRUE, INHERIT FALSE, SET FALSE`
        : // Before 16 CREATEROLE alone may grant any role that is no superuser.
          `REVOKE ${quoteName(group)} FROM ${manager}`,
    ),
    isFineGrained
      ? `GRANT ${quoteName(owner)} TO ${manager} WITH INHERIT TRUE, SET FALSE`
      : `GRANT ${quoteName(owner)} TO ${manager}`,
  ];
}
