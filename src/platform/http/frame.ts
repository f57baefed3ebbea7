/** What a page knows of its reader, made for each request. */
import { randomUUID } from "node:crypto";
import type { Catalog } from "../../catalog/schema.ts";
import { onlyIfKnown } from "../authz.ts";
import type { Route } from "../feature.ts";
import { parseId } from "../ids.ts";
import { formUrl } from "../messages/html.ts";
import type { Names } from "../messages/plain.ts";
import type { Session } from "../sessions.ts";
import type { Frame } from "./page.ts";

export function frameOf(parts: {
  session: Session;
  /** Path and query of the request: where an answer leads back to. */
  url: URL;
  routes: readonly Route[];
  catalog: Catalog;
  publicUrl: string;
  now: Date;
}): Frame {
  const { session, url, routes, catalog } = parts;
  const { actor, csrf } = session;
  const known = onlyIfKnown(catalog, actor);
  const here = url.pathname + url.search;
  const pages = new Map(
    routes.flatMap(({ thing, path }) => (thing === undefined ? [] : [[thing, path] as const])),
  );
  return {
    person: known.ok ? known.value.name : actor.person,
    zone: (known.ok ? known.value.timezone : undefined) ?? catalog.organisation.timezone,
    now: parts.now,
    publicUrl: parts.publicUrl,
    names: namesIn(catalog, actor.team),
    path: url.pathname,
    nav: routes
      .flatMap(({ nav, path }) => (nav === undefined ? [] : [{ ...nav, path }]))
      .sort((a, b) => a.order - b.order),
    pageOf: (id) => {
      const parsed = parseId(id);
      return parsed && pages.get(parsed.letter)?.replace(":id", parsed.id);
    },
    askUrl: (line) => formUrl(line, here),
    forms: { csrf, id: randomUUID(), next: here },
  };
}

/** People and channels by the names they go by. */
export function namesIn(catalog: Catalog, team: string): Names {
  return {
    person: (id) => catalog.people.find(({ slack }) => slack[team] === id)?.name,
    channel: (id) => catalog.channels.find(({ slack }) => slack[team] === id)?.name,
  };
}
