import { Secret } from "../../platform/secret.ts";
import { ProviderError } from "../errors.ts";
import {
  type Accessor,
  type CallOptions,
  externalNamePattern,
  type Granted,
  type Grantee,
  type GrantIntent,
  type Plan,
} from "./contract.ts";
import { assertExternalName, assertKey } from "./names.ts";
import { revoke } from "./postgres-revoke.ts";
import {
  absent,
  findRole,
  groupFacts,
  listRoles,
  managerRights,
  type RoleRow,
  serverVersion,
  supportedVersion,
} from "./postgres-roles.ts";
import { addressOf, inTransaction, type Session, type SessionPool, withSession } from "./postgres-session.ts";
import {
  adoptStatements,
  assertGroup,
  assertIntent,
  cleanStatements,
  connectionsMaxDefault,
  dropStatement,
  endSessionsStatement,
  grantStatements,
  type LoginIntent,
  leaveGroupStatement,
  noLoginStatement,
  oldestVersion,
} from "./postgres-statements.ts";
import { scramSaltBytes, scramVerifier } from "./scram.ts";
import { readTerms } from "./terms.ts";

export interface PostgresAccessorOptions {
  /** Manager's connection string; the manager is made by `leastPrivilegeSetup()`. Reach Postgres itself, not a pooler. */
  url: Secret<string>;
  /** What requesters are told; default: host, port and database of `url`. */
  address?: string | undefined;
  /** Databases in which a grant may leave something behind, for whoever ends one by hand. */
  databases?: readonly string[] | undefined;
  /** Group roles that may be granted. */
  groups: readonly string[];
  /** NOLOGIN role that inherits what grantees made. */
  leftoversOwner: string;
  /** Connections a grantee may hold at a time; 3 when left out. */
  connectionsMax?: number | undefined;
  /** Each call ends by then, in milliseconds. */
  deadlineMs: number;
  /** Where its sessions wait for the next call. */
  pool?: SessionPool | undefined;
  randomBytes: (size: number) => Buffer;
}

/** 192 bits: nobody guesses it, and its verifier in a log gives nothing away. */
const passwordBytes = 24;

/**
 * Logins of a Postgres cluster (14 or later): one per grant, member of group roles, with `VALID UNTIL`, removed with
 * everything they left in any database. Two grants to one person are two logins, so ending one leaves the other.
 */
export function createPostgresAccessor(options: PostgresAccessorOptions): Accessor {
  // Here, so that a url nobody can read is refused at start and not at the first grant.
  const address = options.address ?? addressOf(options.url);
  const connectionsMax = options.connectionsMax ?? connectionsMaxDefault;
  const open = <T>(
    call: CallOptions | undefined,
    work: (session: Session, signal: AbortSignal) => Promise<T>,
  ): Promise<T> => {
    const deadline = AbortSignal.timeout(options.deadlineMs);
    const signal = call?.signal ? AbortSignal.any([deadline, call.signal]) : deadline;
    return withSession(options, undefined, signal, (session) => work(session, signal));
  };

  return {
    plan: async (intent, call) => {
      const login = loginOf(intent, options.groups);
      return await open(call, (session) => plan(session, login, { ...options, address, connectionsMax }));
    },

    grant: async (intent, idempotencyKey, call) => {
      const login = loginOf(intent, options.groups);
      assertKey(idempotencyKey);
      const secret = new Secret(options.randomBytes(passwordBytes).toString("base64url"));
      const verifier = await scramVerifier(secret.reveal(), options.randomBytes(scramSaltBytes));
      const made = await open(call, (session) =>
        grant(session, login, verifier, idempotencyKey, connectionsMax),
      );
      return {
        ...made,
        credential: [
          { id: "login", label: "Login", value: intent.externalName },
          { id: "password", label: "Password", value: secret },
          { id: "address", label: "Address", value: address },
        ],
        lastsUntil: null,
      };
    },

    verify: async ({ externalName }, call) => {
      assertExternalName(externalName);
      return await open(call, async (session) => (await findRole(session, externalName))?.readBack ?? absent);
    },

    revoke: async (ref, call) => {
      const { leftoversOwner } = options;
      assertExternalName(ref.externalName);
      assertGroup(leftoversOwner, [leftoversOwner]);
      return await open(call, async (session, signal) => {
        const revoked = await revoke(session, ref, leftoversOwner, (database, work) =>
          withSession(options, database, signal, work),
        );
        // Its lock would hold up the next call about the same grant.
        await session.query("SELECT pg_advisory_unlock_all()");
        return revoked;
      });
    },

    list: (call) =>
      open(call, async (session) =>
        (await listRoles(session))
          .filter((role) => externalNamePattern.test(role.name))
          .map((role) => ({
            ref: {
              externalName: role.name,
              externalId: role.oid,
              grantee: nobody,
              terms: { grantRole: role.readBack.memberships },
            },
            idempotencyKey: role.idempotencyKey,
            words: `login ${role.name}, a member of ${role.readBack.memberships.join(", ") || "nothing"}`,
            readBack: role.readBack,
          })),
      ),
  };
}

/** Whose it is stands in the grant on record, not at the server. */
const nobody: Grantee = { personId: "", slack: { team: "", user: "" }, accounts: {} };

function loginOf({ externalName, terms, expiresAt }: GrantIntent, groups: readonly string[]): LoginIntent {
  const intent = { externalName, memberships: [readTerms("postgres", terms).grantRole].flat(), expiresAt };
  assertIntent(intent, groups);
  return intent;
}

async function plan(
  session: Session,
  intent: LoginIntent,
  {
    address,
    leftoversOwner,
    connectionsMax,
    databases = [],
  }: Pick<PostgresAccessorOptions, "leftoversOwner" | "databases"> & {
    address: string;
    connectionsMax: number;
  },
): Promise<Plan> {
  const version = await serverVersion(session);
  const present = await findRole(session, intent.externalName);
  const groups = intent.memberships.join(", ");
  return {
    words: [
      `Make the login ${intent.externalName} at ${address}, a member of ${groups}, valid until ${intent.expiresAt.toISOString()}`,
      `At the end: bar the login, take it out of ${groups}, end its sessions, hand what it made to ${leftoversOwner}, drop it, read back that it is gone`,
    ],
    statements: grantStatements(intent, "<SCRAM verifier>", "<grant>", {
      serverVersion: version,
      connectionsMax,
    }),
    endStatements: [
      noLoginStatement(intent.externalName),
      ...intent.memberships.map((group) => leaveGroupStatement(group, intent.externalName)),
      endSessionsStatement(intent.externalName),
      // A block: on one line with others, a comment to the line's end would swallow them.
      `/* in each database${databases.length > 0 ? `: ${databases.join(", ").replaceAll("*/", "")}` : ""} */`,
      ...cleanStatements(intent.externalName, leftoversOwner, version),
      "/* then, in any */",
      dropStatement(intent.externalName),
    ],
    obstacles: [
      ...(version < oldestVersion ? ["Postgres is older than 14"] : []),
      ...(present ? [`The login ${intent.externalName} exists already`] : []),
      ...(await obstaclesOf(session, intent)).map((obstacle) => obstacle.message),
    ],
  };
}

async function grant(
  session: Session,
  intent: LoginIntent,
  verifier: string,
  idempotencyKey: string,
  connectionsMax: number,
): Promise<Pick<Granted, "expiresAt" | "externalId" | "wasAdopted">> {
  const dialect = { serverVersion: await supportedVersion(session), connectionsMax };
  const wasAdopted = await inTransaction(session, async () => {
    // Two tries of the same grant, or a grant and its end, take turns.
    await session.query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", [intent.externalName]);
    const [obstacle] = await obstaclesOf(session, intent);
    if (obstacle) throw obstacle;
    const present = await findRole(session, intent.externalName);
    if (present && present.idempotencyKey !== idempotencyKey)
      throw new ProviderError(
        "conflict",
        `The login ${intent.externalName} exists and was not made by this grant`,
        "Compare it with the grants on record, remove it if nobody needs it, then try again",
      );
    const statements = present
      ? adoptStatements(intent, verifier, present.readBack.memberships, dialect)
      : grantStatements(intent, verifier, idempotencyKey, dialect);
    for (const statement of statements) await session.query(statement);
    return present !== undefined;
  });
  const made = await findRole(session, intent.externalName);
  return { ...asIntended(made, intent), wasAdopted };
}

/** Compares what is there with what was meant; a grant is never reported on the strength of an empty reply. */
function asIntended(made: RoleRow | undefined, intent: LoginIntent): { expiresAt: Date; externalId: string } {
  const wrong = (what: string): ProviderError =>
    new ProviderError(
      "conflict",
      `Reading back ${intent.externalName}: ${what}`,
      "Something else changes the same role; revoke this grant and try again",
    );
  if (!made) throw wrong("it is not there");
  const { canLogin, validUntil, memberships } = made.readBack;
  if (!canLogin) throw wrong("it cannot log in");
  if (validUntil?.getTime() !== intent.expiresAt.getTime())
    throw wrong(
      `it is valid until ${validUntil?.toISOString() ?? "for ever"}, not ${intent.expiresAt.toISOString()}`,
    );
  if ([...memberships].sort().join() !== [...new Set(intent.memberships)].sort().join())
    throw wrong(
      `it is a member of ${memberships.join(", ") || "nothing"}, not of ${intent.memberships.join(", ")}`,
    );
  return { expiresAt: validUntil, externalId: made.oid };
}

async function obstaclesOf(session: Session, intent: LoginIntent): Promise<ProviderError[]> {
  const { manager, canCreateRoles } = await managerRights(session);
  const facts = new Map((await groupFacts(session, intent.memberships)).map((group) => [group.name, group]));
  const setupHint = "Run the statements of leastPrivilegeSetup() as a superuser";
  const obstacles = canCreateRoles
    ? []
    : [new ProviderError("unauthorised", `The manager ${manager} may not create roles`, setupHint)];
  for (const group of intent.memberships) {
    const known = facts.get(group);
    if (!known)
      obstacles.push(
        new ProviderError(
          "not_found",
          `The group role ${group} does not exist`,
          "Create it, or correct the catalog's role",
        ),
      );
    else if (known.dangers.length > 0)
      obstacles.push(
        new ProviderError(
          "rejected",
          `The group role ${group} gives power over the server: it is or belongs to ${known.dangers.join(", ")}`,
          "Make a group role with the rights that are needed",
        ),
      );
    else if (!known.isGrantable)
      obstacles.push(
        new ProviderError(
          "unauthorised",
          `The manager ${manager} has no ADMIN option on ${group}`,
          setupHint,
        ),
      );
  }
  return obstacles;
}
