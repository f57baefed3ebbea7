import type { Secret } from "../../platform/secret.ts";

/** Every object we make outside begins with this, so that a reconciler can tell ours from everybody else's. */
export const externalPrefix = "qd_";

/** Short enough for any system, and for Postgres never cut: it cuts names at 63 bytes, and then two collide. */
export const externalNamePattern = /^qd_[a-z0-9]{1,40}$/;

/**
 * `externalNameOf("G-12")` is `qd_g12`: the name of a grant's object outside follows from the grant, so that a retry
 * finds what an earlier try made. Throws a RangeError when nothing or too much would be left of the key.
 */
export function externalNameOf(grantKey: string): string {
  const name = externalPrefix + grantKey.toLowerCase().replaceAll("-", "");
  if (!externalNamePattern.test(name))
    throw new RangeError(
      `A grant's key must be 1 to 40 of a-z, 0-9 and "-", not ${JSON.stringify(grantKey)}`,
    );
  return name;
}

/** What is to be granted. Written down before {@link Accessor.grant} is called. */
export interface GrantIntent {
  /** See {@link externalNamePattern}; one grant, one name, for ever. */
  externalName: string;
  /** What the catalog's role stands for in that system (Postgres: group roles), one at least. */
  memberships: readonly string[];
  /** The absolute end. The provider sets it as its own limit too, besides our revocation. */
  expiresAt: Date;
}

/** What the requester needs to sign in. */
export interface Granted {
  login: string;
  secret: Secret<string>;
  /** Where to sign in, as that system writes it (Postgres: `host:port/database`). */
  address: string;
  /** The end the provider itself enforces. */
  expiresAt: Date;
  /** The provider's own id of the object; keep it in the snapshot. */
  externalId: string;
  /** True when an earlier try had already made it: that try's secret no longer works. */
  wasAdopted: boolean;
}

/** All that revocation needs; kept with the grant, so that it works when the role's configuration is long gone. */
export interface RevocationSnapshot {
  externalName: string;
  /** From {@link Granted}; missing when the grant's answer never came. */
  externalId?: string | undefined;
  memberships: readonly string[];
  /** Who inherits what the grantee made (Postgres: a role). */
  leftoversOwner: string;
}

/** What is there now, read from the provider. */
export interface ReadBack {
  exists: boolean;
  canLogin: boolean;
  /** The limit the provider enforces; null when there is none or the object is absent. */
  validUntil: Date | null;
  memberships: readonly string[];
  openSessions: number;
}

export interface Revoked {
  sessionsEnded: number;
  /** Places where the grantee had left something, now handed to the snapshot's owner (Postgres: databases). */
  cleaned: readonly string[];
  /** A grant has ended only if `exists` is false and `openSessions` 0. */
  readBack: ReadBack;
}

/** An object outside that carries our mark. */
export interface ExternalObject {
  externalName: string;
  externalId: string;
  /** Key of the grant call that made it; null when somebody else used our prefix. */
  idempotencyKey: string | null;
  readBack: ReadBack;
}

/** A dry run. */
export interface Plan {
  /** For people: what the grant does, what its end does. */
  words: readonly string[];
  /** Exact statements of the grant, placeholders in angle brackets where a secret would stand. */
  statements: readonly string[];
  /** Exact statements of the end, in order. */
  endStatements: readonly string[];
  /** Why the provider would refuse as things stand; empty when nothing is in the way. */
  obstacles: readonly string[];
}

export interface CallOptions {
  /** Ends the call with `timeout`; a call also has a deadline of its own. */
  signal?: AbortSignal | undefined;
}

/**
 * Gives a person a right in a system outside for a time, and takes it back.
 *
 * All methods throw ProviderError. After `timeout` or `unreachable` the effect may have happened: every method may be
 * called again with the same input, and does not do twice what was done.
 */
export interface Accessor {
  plan(intent: GrantIntent, options?: CallOptions): Promise<Plan>;
  /** Makes the object, or takes over what an earlier call with the same name and key made, with a new secret. */
  grant(intent: GrantIntent, idempotencyKey: string, options?: CallOptions): Promise<Granted>;
  verify(externalName: string, options?: CallOptions): Promise<ReadBack>;
  /** Stops new sessions, ends open ones, removes the object and reads back. Nothing there is a success. */
  revoke(snapshot: RevocationSnapshot, options?: CallOptions): Promise<Revoked>;
  /** Everything that carries our prefix: what a reconciler compares with the grants on record. */
  list(options?: CallOptions): Promise<readonly ExternalObject[]>;
}
