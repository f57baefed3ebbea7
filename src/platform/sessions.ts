import { createHash, randomBytes } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Database, Trx, Tx } from "./db/database.ts";
import { type Actor, systemActor } from "./people.ts";
import type { SecretBox } from "./secretbox.ts";

export interface Session {
  actor: Actor;
  csrf: string;
}

/** A session nobody uses ends after this long, and any session after {@link absoluteMs}, used or not. */
export const idleMs = 2 * 3_600_000;
/** Use is noted this often: a page costs no write each time it is read. */
const seenEveryMs = 10_000;
export const absoluteMs = 12 * 3_600_000;
/** A sign-in link works once and for this long. */
export const linkLifeMs = 2 * 60_000;

/** The console's first page: where signing in leads unless told. */
export const homePath = "/console";

/** Address of a fresh sign-in: the identity provider asks who the person is, however lately they told it. */
export const confirmUrl = (next: string): string =>
  `/sign-in?fresh=1&next=${encodeURIComponent(localPath(next))}`;

const hashOf = (text: string): string => createHash("sha256").update(text).digest("hex");
/** What the audit calls a session: enough to follow it, too little to use it. */
const subjectOf = (idHash: string): string => `session:${idHash.slice(0, 12)}`;

interface Person {
  team: string;
  person: string;
}

interface Beginning {
  /** How the person showed who they are. */
  by: "link" | "oidc";
  /** When they last proved it to the identity provider. */
  confirmedAt?: Date | undefined;
  /** Groups the identity provider named. */
  groups?: readonly string[] | undefined;
  /** Of what signs in and may do so once only: a second time nobody is signed in. */
  once?: string | undefined;
  /** The request that signs in: what session it brought ends, so that nobody goes on with an id they knew before. */
  req?: IncomingMessage | undefined;
}

export interface Sessions {
  /** Signs the person in on this response, under a new id. False: what signs in had been used before. */
  begin(res: ServerResponse, person: Person, beginning: Beginning): Promise<boolean>;
  /**
   * The session of a request, which counts as used only where `isUse`; one of a person whom the catalog does not know
   * any more ends here.
   */
  of(req: IncomingMessage, options?: { isUse: boolean }): Promise<Session | undefined>;
  /** What stands for the session that a request claims, without asking whether it goes on; nothing for what we never signed. */
  claimed(req: IncomingMessage): string | undefined;
  end(req: IncomingMessage, res: ServerResponse): Promise<void>;
  /** Ends every session of a person, because they left or at their own word. Answers how many. */
  endAllOf(person: Person, why: string): Promise<number>;
  /** Single-use token that signs its person in and goes on to `next`; it is sent to that person alone. */
  createLink(person: Person, next: string): Promise<string>;
  useLink(token: string, req: IncomingMessage, res: ServerResponse): Promise<{ next: string } | undefined>;
}

/** Signed httpOnly cookie; the session itself is a row that can be revoked. Person = (team, user). */
export function createSessions(parts: {
  database: Database;
  box: SecretBox;
  /** Reached by https: the cookie is then for https and this host alone. */
  isSecure: boolean;
  /** Whether the catalog in force knows the person. */
  isKnown: (person: Person) => boolean;
  now: () => Date;
}): Sessions {
  const { database, box, now } = parts;
  const db = database.db;
  /** Keyed, so that who can write rows and has not the key makes no link that counts. */
  const linkHash = (token: string) => box.sign(`sign-in-link:${token}`);
  // A browser takes `__Host-` only with Secure, for all paths and without a domain: no neighbour can set it.
  const cookieName = parts.isSecure ? "__Host-qd_session" : "qd_session";
  const cookie = (value: string, maxAgeSec: number) =>
    `${cookieName}=${value}; Path=/; HttpOnly; SameSite=Lax; Max-Age=${maxAgeSec}${parts.isSecure ? "; Secure" : ""}`;

  const idIn = (req: IncomingMessage): string | undefined => {
    const raw = cookiesOf(req)[cookieName];
    const [id, signature] = raw?.split(".") ?? [];
    return id && signature && box.isSigned(`session:${id}`, signature) ? id : undefined;
  };

  const revoke = (trx: Trx, at: Date) =>
    trx
      .updateTable("sessions")
      .set({ revoked_at: at })
      .where("revoked_at", "is", null)
      .where("expires_at", ">", at);

  const endOne = (idHash: string, why: string): Promise<void> =>
    database.tx(async (tx) => {
      const ended = await revoke(tx.trx, tx.now)
        .where("id_hash", "=", idHash)
        .returning(["team", "person"])
        .executeTakeFirst();
      if (ended)
        tx.audit({
          actor: { ...ended, door: "console" },
          action: "session.ended",
          subject: subjectOf(idHash),
          reason: why,
        });
    });

  const begin: Sessions["begin"] = async (
    res,
    { team, person },
    { by, confirmedAt, groups = [], once, req },
  ) => {
    const id = randomBytes(32).toString("base64url");
    const isNew = await database.tx(async (tx) => {
      if (once !== undefined && !(await useUp(tx, once, { team, person }))) return false;
      await tx.trx
        .insertInto("sessions")
        .values({
          id_hash: hashOf(id),
          team,
          person,
          csrf: randomBytes(24).toString("base64url"),
          created_at: tx.now,
          seen_at: tx.now,
          expires_at: new Date(tx.now.getTime() + absoluteMs),
          revoked_at: null,
          confirmed_at: confirmedAt ?? null,
          groups: JSON.stringify(groups),
        })
        .execute();
      tx.audit({
        actor: { team, person, door: "console" },
        action: "session.began",
        subject: subjectOf(hashOf(id)),
        detail: { by, confirmedAt: confirmedAt?.toISOString() },
      });
      return true;
    });
    if (!isNew) return false;
    const before = req && idIn(req);
    if (before !== undefined) await endOne(hashOf(before), "signed in again");
    res.appendHeader("set-cookie", cookie(`${id}.${box.sign(`session:${id}`)}`, absoluteMs / 1_000));
    return true;
  };

  /** Keeps that it was used, beside the links, which are used once too; false when it was before. */
  const useUp = async (tx: Tx, once: string, { team, person }: Person): Promise<boolean> => {
    const kept = await tx.trx
      .insertInto("sign_in_links")
      .values({
        token_hash: hashOf(`once:${once}`),
        team,
        person,
        next: "/",
        expires_at: new Date(tx.now.getTime() + absoluteMs),
        used_at: tx.now,
      })
      .onConflict((conflict) => conflict.column("token_hash").doNothing())
      .executeTakeFirst();
    return kept.numInsertedOrUpdatedRows === 1n;
  };

  return {
    begin,
    async of(req, { isUse } = { isUse: true }) {
      const id = idIn(req);
      if (!id) return undefined;
      const at = now();
      const row = await db
        .selectFrom("sessions")
        .select(["team", "person", "csrf", "confirmed_at", "groups", "seen_at"])
        .where("id_hash", "=", hashOf(id))
        .where("revoked_at", "is", null)
        .where("expires_at", ">", at)
        .where("seen_at", ">", new Date(at.getTime() - idleMs))
        .executeTakeFirst();
      if (row && isUse && at.getTime() - row.seen_at.getTime() >= seenEveryMs)
        await db
          .updateTable("sessions")
          .set({ seen_at: at })
          .where("id_hash", "=", hashOf(id))
          .where("seen_at", "<", at)
          .execute();
      if (!row) return undefined;
      const { team, person } = row;
      if (!parts.isKnown({ team, person })) {
        await endOne(hashOf(id), "the catalog does not know this person any more");
        return undefined;
      }
      const confirmedAt = row.confirmed_at ?? undefined;
      const groups = row.groups ?? [];
      return { actor: { team, person, door: "console", confirmedAt, groups }, csrf: row.csrf };
    },
    claimed(req) {
      const id = idIn(req);
      return id && hashOf(id);
    },
    async end(req, res) {
      const id = idIn(req);
      if (id) await endOne(hashOf(id), "signed out");
      res.appendHeader("set-cookie", cookie("", 0));
    },
    endAllOf: ({ team, person }, why) =>
      database.tx(async (tx) => {
        const ended = await revoke(tx.trx, tx.now)
          .where("team", "=", team)
          .where("person", "=", person)
          .returning("id_hash")
          .execute();
        for (const { id_hash } of ended)
          tx.audit({
            actor: systemActor,
            action: "session.ended",
            subject: subjectOf(id_hash),
            reason: why,
            detail: { team, person },
          });
        return ended.length;
      }),
    async createLink({ team, person }, next) {
      const token = randomBytes(32).toString("base64url");
      await db
        .insertInto("sign_in_links")
        .values({
          token_hash: linkHash(token),
          team,
          person,
          next: localPath(next),
          expires_at: new Date(now().getTime() + linkLifeMs),
          used_at: null,
        })
        .execute();
      return token;
    },
    async useLink(token, req, res) {
      const at = now();
      const row = await db
        .updateTable("sign_in_links")
        .set({ used_at: at })
        .where("token_hash", "=", linkHash(token))
        .where("used_at", "is", null)
        .where("expires_at", ">", at)
        .returning(["team", "person", "next"])
        .executeTakeFirst();
      if (!row) return undefined;
      await begin(res, row, { by: "link", req });
      return { next: localPath(row.next) };
    },
  };
}

/** Only paths of our own: a link never leads elsewhere. */
export function localPath(path: string): string {
  return /^\/(?![/\\])[^\s\\]*$/.test(path) ? path : "/";
}

export function cookiesOf(req: IncomingMessage): Record<string, string> {
  const pairs = (req.headers.cookie ?? "")
    .split(";")
    .map((part) => part.trim().split("=", 2) as [string, string?]);
  return Object.fromEntries(pairs.filter((pair): pair is [string, string] => pair[1] !== undefined));
}
