import type { AccessTerms } from "../../catalog/schema.ts";
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

/** Who receives it, as the catalog knows them; each system takes what it needs. */
export interface Grantee {
  /** Of the catalog. */
  personId: string;
  slack: { team: string; user: string };
  /** Their login at GitHub and the like, by system. */
  accounts: Readonly<Record<string, string>>;
}

/** What a system has of a grant: enough to find it and to take it away when the role's configuration is long gone. */
export interface GrantRef {
  /** See {@link externalNamePattern}; one grant, one name, for ever. */
  externalName: string;
  /** From {@link Granted}; missing when the grant's answer never came. */
  externalId?: string | undefined;
  grantee: Grantee;
  /** What the catalog's role stands for in that system. */
  terms: AccessTerms;
  /** What {@link Accessor.prepare} had answered. */
  before?: Readonly<Record<string, string>> | undefined;
}

/** What is to be granted. Written down before {@link Accessor.grant} is called. */
export interface GrantIntent extends Omit<GrantRef, "externalId"> {
  /** The absolute end. The provider sets it as its own limit too, besides our revocation. */
  expiresAt: Date;
}

/** One thing the requester needs; shown in order. */
export interface CredentialPart {
  /** Short and stable: `login`, `password`, `address`, `token`, `kubeconfig`. */
  id: string;
  /** For people. */
  label: string;
  value: string | Secret<string>;
  /** What to save it as, for parts that are files. */
  fileName?: string | undefined;
}

export interface Granted {
  /** Shown once; empty when the person uses an account they have. */
  credential: readonly CredentialPart[];
  /** The end the system itself enforces for what is new; null when it knows none. */
  expiresAt: Date | null;
  /** What was handed out may work until then even though it was revoked; null when a revocation bites at once. */
  lastsUntil: Date | null;
  /** The provider's own id of the object. */
  externalId: string;
  /** True when an earlier try had already made it: that try's secret no longer works. */
  wasAdopted: boolean;
}

/** What is there now, read from the provider. */
export interface ReadBack {
  exists: boolean;
  /** Whether it lets anybody in. */
  canLogin: boolean;
  /** The limit the provider enforces; null when there is none or the object is absent. */
  validUntil: Date | null;
  /** What it gives, in that system's words. */
  memberships: readonly string[];
  /** Null when the system cannot tell. */
  openSessions: number | null;
}

export interface Revoked {
  sessionsEnded: number;
  /** Places where the grantee had left something that was cleaned up (Postgres: databases). */
  cleaned: readonly string[];
  /** A grant has ended only if `exists` is false and no session is known to be open. */
  readBack: ReadBack;
  /** As in {@link Granted}: what was handed out may work until then. */
  lastsUntil: Date | null;
  /** What the system saw of it, in words for people: "two logins, the last at 16:08". */
  seen?: string | undefined;
  /**
   * What is left there on purpose, in words for people: a membership that is older than the grant. `verify` cannot
   * tell it from what was granted, so it finds it still.
   */
  stays?: string | undefined;
}

/** An object outside that may be ours. */
export interface ExternalObject {
  /** What to hand to {@link Accessor.revoke} to take it away. */
  ref: GrantRef;
  /** Key of the grant call that made it; null when somebody else made it: such a one is shown and left alone. */
  idempotencyKey: string | null;
  /** For people: what it is, in that system's words. */
  words: string;
  readBack: ReadBack;
}

/** A dry run. */
export interface Plan {
  /** For people: what the grant does, what its end does. */
  words: readonly string[];
  /** Exact statements or calls of the grant, placeholders in angle brackets where a secret would stand. */
  statements: readonly string[];
  /** Exact statements or calls of the end, in order: what an administrator does by hand when we cannot. */
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
  /**
   * Reads what must be known of the time before the grant (a membership that was there already). It is recorded, and
   * handed to every later call as `before`.
   */
  prepare?(intent: GrantIntent, options?: CallOptions): Promise<Readonly<Record<string, string>>>;
  /** Makes the object, or takes over what an earlier call with the same name and key made, with a new secret. */
  grant(intent: GrantIntent, idempotencyKey: string, options?: CallOptions): Promise<Granted>;
  verify(ref: GrantRef, options?: CallOptions): Promise<ReadBack>;
  /** Stops new sessions, ends open ones, removes the object and reads back. Nothing there is a success. */
  revoke(ref: GrantRef, options?: CallOptions): Promise<Revoked>;
  /**
   * Names an effect that several grants may share, such as a membership of one person: it is taken away with the last
   * of them, and with what was `before` the first of them: the later ones found what the first had made. Left out by
   * accessors whose every grant is an object of its own.
   */
  sharedKey?(ref: GrantRef): string;
  /** Everything that carries our mark or could be a grant: what a reconciler compares with the grants on record. */
  list(options?: CallOptions): Promise<readonly ExternalObject[]>;
}
