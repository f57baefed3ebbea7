import pg from "pg";
import { ProviderError } from "../errors.ts";
import { externalNamePattern } from "./contract.ts";
import { assertExternalName } from "./names.ts";

/** From here on a role grant says INHERIT, SET and ADMIN one by one. */
export const fineGrainedGrantsVersion = 160_000;
/** `pg_terminate_backend` waits since 14. */
export const oldestVersion = 140_000;

/** A login that is to be made. */
export interface LoginIntent {
  externalName: string;
  /** Group roles, one at least. */
  memberships: readonly string[];
  expiresAt: Date;
}

/** Connections one grantee may hold at a time unless configured: a console, a tool, one to spare. */
export const connectionsMaxDefault = 3;

/** What differs from server to server and from instance to instance. */
export interface Dialect {
  /** `server_version_num`. */
  serverVersion: number;
  connectionsMax: number;
}

/** Groups whose members reach the server's files, programs or other people's sessions. */
export const neverGroups: ReadonlySet<string> = new Set([
  "pg_execute_server_program",
  "pg_read_server_files",
  "pg_write_server_files",
  "pg_create_subscription",
  "pg_signal_backend",
]);

// One byte per character: look-alikes from other alphabets are other names, and nobody sees the difference.
const groupPattern = /^[a-z_][a-z0-9_]{0,62}$/;

export const quoteName = pg.escapeIdentifier;
export const quoteText = pg.escapeLiteral;

export function assertGroup(group: string, allowed: readonly string[]): void {
  const refuse = (why: string, hint: string): never => {
    throw new ProviderError("rejected", `The group role ${JSON.stringify(group)} ${why}`, hint);
  };
  if (!groupPattern.test(group))
    refuse(
      "has a name that is not allowed",
      "Group roles are a-z, 0-9 and _, 63 characters at most, in the catalog's roles",
    );
  if (externalNamePattern.test(group))
    refuse("is the login of a grant", "Name a group role in the catalog's roles");
  if (neverGroups.has(group))
    refuse("gives power over the server itself", "Make a group role with the rights that are needed");
  if (!allowed.includes(group))
    refuse(
      "is not one this accessor may grant",
      `Add it to the provider instance's groups; now: ${allowed.join(", ") || "none"}`,
    );
}

export function assertIntent(intent: LoginIntent, allowed: readonly string[]): void {
  assertExternalName(intent.externalName);
  if (intent.memberships.length === 0)
    throw new ProviderError(
      "rejected",
      "The grant names no group role",
      "Give memberships one group role at least",
    );
  for (const group of intent.memberships) assertGroup(group, allowed);
  if (Number.isNaN(intent.expiresAt.getTime()))
    throw new ProviderError("rejected", "The grant's end is no date", "expiresAt must be a valid Date");
}

/** The mark on a login: says whose it is to whoever finds it, and lets a retry know its own. */
export const markPrefix = "quarterdeck grant ";
export const markOf = (idempotencyKey: string): string => markPrefix + idempotencyKey;
export const keyInMark = (comment: string | null): string | null =>
  comment?.startsWith(markPrefix) ? comment.slice(markPrefix.length) : null;

/** One transaction. The verifier is what is stored; a password never stands in a statement. */
export function grantStatements(
  intent: LoginIntent,
  verifier: string,
  idempotencyKey: string,
  dialect: Dialect,
): string[] {
  const login = quoteName(intent.externalName);
  return [
    `CREATE ROLE ${login} LOGIN PASSWORD ${quoteText(verifier)} VALID UNTIL ${until(intent.expiresAt)} CONNECTION LIMIT ${dialect.connectionsMax}`,
    `COMMENT ON ROLE ${login} IS ${quoteText(markOf(idempotencyKey))}`,
    ...intent.memberships.map((group) => membership(group, login, dialect.serverVersion)),
  ];
}

/** Takes over a login that an earlier try made: same rights and end, new secret. */
export function adoptStatements(
  intent: LoginIntent,
  verifier: string,
  present: readonly string[],
  dialect: Dialect,
): string[] {
  const login = quoteName(intent.externalName);
  return [
    `ALTER ROLE ${login} LOGIN PASSWORD ${quoteText(verifier)} VALID UNTIL ${until(intent.expiresAt)} CONNECTION LIMIT ${dialect.connectionsMax}`,
    ...present
      .filter((group) => !intent.memberships.includes(group))
      .map((group) => `REVOKE ${quoteName(group)} FROM ${login}`),
    ...intent.memberships.map((group) => membership(group, login, dialect.serverVersion)),
  ];
}

export const endSessionsStatement = (externalName: string): string =>
  `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = ${quoteText(externalName)}`;

/** No new session: bites at the next connection. */
export const noLoginStatement = (externalName: string): string =>
  `ALTER ROLE ${quoteName(externalName)} NOLOGIN PASSWORD NULL`;

export const leaveGroupStatement = (group: string, externalName: string): string =>
  `REVOKE ${quoteName(group)} FROM ${quoteName(externalName)}`;

/** One transaction in every database where the login owns something or has a right. */
export function cleanStatements(
  externalName: string,
  leftoversOwner: string,
  serverVersion: number,
): string[] {
  const login = quoteName(externalName);
  return [
    // Reassigning and dropping need the login's own rights, not only ADMIN on it.
    inheritStatement(externalName, serverVersion),
    `REASSIGN OWNED BY ${login} TO ${quoteName(leftoversOwner)}`,
    `DROP OWNED BY ${login}`,
  ];
}

/** Gives us the login's rights: to see its sessions, and to give away what it owns. */
export function inheritStatement(externalName: string, serverVersion: number): string {
  const grant = `GRANT ${quoteName(externalName)} TO CURRENT_USER`;
  return serverVersion >= fineGrainedGrantsVersion
    ? `${grant} WITH INHERIT TRUE, SET FALSE, ADMIN FALSE`
    : grant;
}

export const dropStatement = (externalName: string): string => `DROP ROLE ${quoteName(externalName)}`;

function membership(group: string, login: string, serverVersion: number): string {
  const grant = `GRANT ${quoteName(group)} TO ${login}`;
  // Without SET the grantee cannot become the group, and a REVOKE bites at the next statement.
  return serverVersion >= fineGrainedGrantsVersion
    ? `${grant} WITH INHERIT TRUE, SET FALSE, ADMIN FALSE`
    : grant;
}

function until(expiresAt: Date): string {
  return quoteText(expiresAt.toISOString().replace("T", " ").replace("Z", "+00"));
}
