import { createHash, randomBytes } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Clock } from "./clock.ts";
import type { Db } from "./db/database.ts";
import type { Actor } from "./people.ts";
import type { SecretBox } from "./secretbox.ts";

export interface Session {
  actor: Actor;
  csrf: string;
}

const cookieName = "qd_session";
const idleMs = 8 * 3_600_000;
const absoluteMs = 24 * 3_600_000;
/** A sign-in link works once and for this long. */
export const linkLifeMs = 2 * 60_000;

const hashOf = (text: string): string => createHash("sha256").update(text).digest("hex");

export interface Sessions {
  /** Signs the person in on this response. */
  begin(res: ServerResponse, person: { team: string; person: string }): Promise<void>;
  of(req: IncomingMessage): Promise<Session | undefined>;
  end(req: IncomingMessage, res: ServerResponse): Promise<void>;
  /** Single-use token that signs its person in and goes on to `next`; it is sent to that person alone. */
  createLink(person: { team: string; person: string }, next: string): Promise<string>;
  useLink(token: string, res: ServerResponse): Promise<{ next: string } | undefined>;
}

/** Signed httpOnly cookie; the session itself is a row that can be revoked. Person = (team, user). */
export function createSessions(parts: { db: Db; clock: Clock; box: SecretBox; isSecure: boolean }): Sessions {
  const { db, clock, box } = parts;
  const cookie = (value: string, maxAgeSec: number) =>
    `${cookieName}=${value}; Path=/; HttpOnly; SameSite=Lax; Max-Age=${maxAgeSec}${parts.isSecure ? "; Secure" : ""}`;

  const idIn = (req: IncomingMessage): string | undefined => {
    const raw = cookiesOf(req)[cookieName];
    const [id, signature] = raw?.split(".") ?? [];
    return id && signature && box.isSigned(`session:${id}`, signature) ? id : undefined;
  };

  const begin: Sessions["begin"] = async (res, { team, person }) => {
    const id = randomBytes(32).toString("base64url");
    const now = clock.now();
    await db
      .insertInto("sessions")
      .values({
        id_hash: hashOf(id),
        team,
        person,
        csrf: randomBytes(24).toString("base64url"),
        created_at: now,
        seen_at: now,
        expires_at: new Date(now.getTime() + absoluteMs),
        revoked_at: null,
      })
      .execute();
    res.appendHeader("set-cookie", cookie(`${id}.${box.sign(`session:${id}`)}`, absoluteMs / 1_000));
  };

  return {
    begin,
    async of(req) {
      const id = idIn(req);
      if (!id) return undefined;
      const now = clock.now();
      const row = await db
        .updateTable("sessions")
        .set({ seen_at: now })
        .where("id_hash", "=", hashOf(id))
        .where("revoked_at", "is", null)
        .where("expires_at", ">", now)
        .where("seen_at", ">", new Date(now.getTime() - idleMs))
        .returning(["team", "person", "csrf"])
        .executeTakeFirst();
      return row && { actor: { team: row.team, person: row.person, door: "console" }, csrf: row.csrf };
    },
    async end(req, res) {
      const id = idIn(req);
      if (id)
        await db
          .updateTable("sessions")
          .set({ revoked_at: clock.now() })
          .where("id_hash", "=", hashOf(id))
          .execute();
      res.appendHeader("set-cookie", cookie("", 0));
    },
    async createLink({ team, person }, next) {
      const token = randomBytes(32).toString("base64url");
      await db
        .insertInto("sign_in_links")
        .values({
          token_hash: hashOf(token),
          team,
          person,
          next: localPath(next),
          expires_at: new Date(clock.now().getTime() + linkLifeMs),
          used_at: null,
        })
        .execute();
      return token;
    },
    async useLink(token, res) {
      const now = clock.now();
      const row = await db
        .updateTable("sign_in_links")
        .set({ used_at: now })
        .where("token_hash", "=", hashOf(token))
        .where("used_at", "is", null)
        .where("expires_at", ">", now)
        .returning(["team", "person", "next"])
        .executeTakeFirst();
      if (!row) return undefined;
      await begin(res, row);
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
