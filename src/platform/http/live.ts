/**
 * `GET /events?topic=…`: tells a page by server-sent events that one of its topics changed; the page reads itself again.
 * A topic is the key of a card (`R-12`'s, say), or the beginning of keys with `*` behind it. One loop in each process
 * looks for all of its pages. Source of the form: WHATWG HTML, "Server-sent events".
 */
import type { ServerResponse } from "node:http";
import type { Db } from "../db/database.ts";
import type { Route } from "../feature.ts";
import type { Log } from "../log.ts";
import type { Sessions } from "../sessions.ts";
import { sendJson } from "./server.ts";

const topicsMax = 8;
const topicCharsMax = 200;
/** A browser opens six connections to a host at most; tabs in the background hold none. */
const perPersonMax = 6;
const everybodyMax = 1_000;
const lookEveryMs = 1_000;
/** Proxies cut what says nothing for a minute; also how soon a session's end is noticed. */
const beatEveryMs = 20_000;
/** A change is found though its transaction took this long to commit. */
const lookBackMs = 30_000;
/** Changes looked at at once; with more, every page reads itself again. */
const changesMax = 2_000;

interface Listener {
  person: string;
  topics: readonly string[];
  res: ServerResponse;
  isLive: () => Promise<boolean>;
}

export interface Live {
  route: Route;
  /** Ends every connection. */
  stop(): void;
}

export function createLive(parts: { db: Db; now: () => Date; sessions: Sessions; log: Log }): Live {
  const { db, now, sessions, log } = parts;
  const listeners = new Set<Listener>();
  /** Version last told of, by key; undefined while nobody listens. */
  let seen: Map<string, number> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let beatAt = 0;
  let isStopped = false;

  const send = (listener: Listener, event: string): boolean =>
    listener.res.write(`event: ${event}\ndata: \n\n`);

  const look = async (): Promise<void> => {
    const rows = await db
      .selectFrom("messages")
      .select(["key", "wanted_version"])
      .where("updated_at", ">", new Date(now().getTime() - lookBackMs))
      .orderBy("updated_at", "desc")
      .limit(changesMax)
      .execute();
    const before = seen;
    seen = new Map(rows.map((row) => [row.key, row.wanted_version]));
    if (before === undefined) return;
    const changed = rows.filter((row) => before.get(row.key) !== row.wanted_version).map(({ key }) => key);
    if (changed.length === 0) return;
    const isAll = rows.length === changesMax;
    for (const listener of listeners)
      if (isAll || changed.some((key) => listener.topics.some((topic) => isAbout(topic, key))))
        send(listener, "changed");
  };

  const beat = async (): Promise<void> => {
    for (const listener of [...listeners]) {
      if (listener.res.destroyed) listeners.delete(listener);
      else if (await listener.isLive()) listener.res.write(": still here\n\n");
      else {
        send(listener, "ended");
        listener.res.end();
      }
    }
  };

  const turn = async (): Promise<void> => {
    try {
      await look();
      if (now().getTime() - beatAt >= beatEveryMs) {
        beatAt = now().getTime();
        await beat();
      }
    } catch (error) {
      // Pages hear of it at the next turn; until then they show what they have.
      log.warn({ err: error }, "pages could not be told of changes");
    }
    if (listeners.size > 0 && !isStopped) timer = setTimeout(() => void turn(), lookEveryMs);
    else {
      timer = undefined;
      seen = undefined;
    }
  };

  const route: Route = {
    method: "GET",
    path: "/events",
    about: "Tells a page that what it shows changed.",
    role: "anyone",
    isPassive: true,
    async handle({ req, res, url, actor }) {
      const topics = url.searchParams.getAll("topic").filter((topic) => topic.length <= topicCharsMax);
      const person = `${actor.team}:${actor.person}`;
      const own = [...listeners].filter((listener) => listener.person === person).length;
      if (topics.length === 0 || topics.length > topicsMax)
        return sendJson(res, 400, { error: "topics", message: `Name 1 to ${topicsMax} topics.` });
      if (own >= perPersonMax || listeners.size >= everybodyMax || isStopped) {
        res.setHeader("retry-after", "60");
        return sendJson(res, 429, {
          error: "too_many",
          message: "Too many pages are open; this one is read by hand.",
        });
      }
      // Gone while it was looked up who asks: its end was told already, and nobody would hear it again.
      if (res.destroyed || res.closed) return;
      res.writeHead(200, {
        "content-type": "text/event-stream; charset=utf-8",
        "cache-control": "no-store",
        // Proxies that gather answers would hold events back. Source: nginx, "X-Accel-Buffering".
        "x-accel-buffering": "no",
      });
      const isLive = async () => (await sessions.of(req, { isUse: false })) !== undefined;
      const listener: Listener = { person, topics, res, isLive };
      listeners.add(listener);
      res.write("retry: 5000\n\n");
      res.on("close", () => listeners.delete(listener));
      if (timer === undefined) {
        beatAt = now().getTime();
        timer = setTimeout(() => void turn(), 0);
      }
    },
  };
  return {
    route,
    stop: () => {
      isStopped = true;
      clearTimeout(timer);
      for (const { res } of listeners) res.end();
      listeners.clear();
    },
  };
}

const isAbout = (topic: string, key: string): boolean =>
  topic.endsWith("*") ? key.startsWith(topic.slice(0, -1)) : key === topic;
