import type { IncomingHttpHeaders } from "node:http";
import { type Balancer, createBalancer, Position } from "./balance.ts";
import { type Backend, isSameTraffic, type Replacement, type Route, serviceFor } from "./routes.ts";
import { forcedBackend, keptPlace, placeCookie } from "./sticky.ts";

export type Replaced =
  | { ok: true; route: Route; changed: boolean }
  | { ok: false; route: Route | undefined; expectedRevision: number };

export interface RoutePick {
  readonly service: string;
  readonly backend: Backend;
  /** Sent with the answer, so that the next request of this person goes the same way. */
  readonly setCookie?: string;
}

interface Entry {
  readonly route: Route;
  readonly position: Position;
  readonly balancer: Balancer;
}

/**
 * The routes in force. A change is kept by `save` before it takes effect, and changes are made one after the
 * other, so that the file, the answer and the traffic agree. A request picks from one entry, never from two.
 */
export class RouteTable {
  readonly #entries = new Map<string, Entry>();
  #lastChange: Promise<unknown> = Promise.resolve();

  constructor(
    routes: readonly Route[],
    private readonly save: (routes: readonly Route[]) => Promise<void>,
    private readonly randomStart: () => number,
  ) {
    for (const route of routes) this.#enter(route);
  }

  routes(): Route[] {
    return [...this.#entries.values()].map((entry) => entry.route);
  }

  route(service: string): Route | undefined {
    return this.#entries.get(service)?.route;
  }

  /** The service and backend for a request with these headers, or undefined where no route matches its `Host`. */
  pick(headers: IncomingHttpHeaders): RoutePick | undefined {
    const service = serviceFor(headers.host, this.#entries);
    const entry = service === undefined ? undefined : this.#entries.get(service);
    if (entry === undefined) return undefined;
    const { route, balancer } = entry;
    const { sticky } = route;
    if (sticky === undefined) return { service: route.service, backend: balancer.pick().backend };
    const forced = forcedBackend(route.backends, sticky, headers);
    if (forced !== undefined) return { service: route.service, backend: forced };
    const kept = keptPlace(sticky, headers.cookie);
    if (kept !== undefined) return { service: route.service, backend: balancer.at(kept) };
    const { backend, place } = balancer.pick();
    if (sticky.cookie === undefined) return { service: route.service, backend };
    const isTls = headers["x-forwarded-proto"] === "https";
    return { service: route.service, backend, setCookie: placeCookie(sticky.cookie, place, isTls) };
  }

  /** What is already so is answered as it stands, whatever revision was expected: a repeat changes nothing. */
  replace(wanted: Replacement): Promise<Replaced> {
    const change = this.#lastChange.then(() => this.#replace(wanted));
    this.#lastChange = change.catch(() => undefined);
    return change;
  }

  async #replace(wanted: Replacement): Promise<Replaced> {
    const current = this.route(wanted.service);
    if (current && isSameTraffic(current, wanted)) {
      return { ok: true, route: current, changed: false };
    }
    const expectedRevision = wanted.expectedRevision;
    if (expectedRevision !== null && expectedRevision !== (current?.revision ?? 0)) {
      return { ok: false, route: current, expectedRevision };
    }
    const route: Route = {
      service: wanted.service,
      revision: (current?.revision ?? 0) + 1,
      backends: wanted.backends,
      sticky: wanted.sticky,
      changedBy: wanted.changedBy,
    };
    await this.save([...this.routes().filter((other) => other.service !== route.service), route]);
    this.#enter(route);
    return { ok: true, route, changed: true };
  }

  #enter(route: Route): void {
    const position = this.#entries.get(route.service)?.position ?? new Position(this.randomStart());
    const balancer = createBalancer(route.backends, position);
    this.#entries.set(route.service, { route, position, balancer });
  }
}
