import {
  type ClientRequest,
  Agent as HttpAgent,
  request as httpRequest,
  type RequestOptions,
} from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import type { Log } from "./log.ts";
import type { RouterMetrics } from "./metrics.ts";
import type { Backend } from "./routes.ts";
import type { RoutePick } from "./table.ts";

export interface HopLimits {
  /** Milliseconds for a connection to a backend. */
  readonly connectDeadlineMs: number;
  /** Milliseconds without a byte in either direction before the answer begins. */
  readonly answerDeadlineMs: number;
}

export const defaultHopLimits: HopLimits = { connectDeadlineMs: 5_000, answerDeadlineMs: 60_000 };

/**
 * Idle backend connections are dropped before a Node backend drops them (5 s by default), so that a request
 * rarely meets a connection that is just being closed.
 */
const idleConnectionMs = 4_000;
const idleConnectionsMax = 256;

/** One request on its way to one backend: counted once, with the first outcome said. */
export class Hop {
  readonly #startedMs = performance.now();
  #isOver = false;

  readonly service: string;
  readonly backend: Backend;
  readonly setCookie: string | undefined;

  constructor(
    { service, backend, setCookie }: RoutePick,
    private readonly metrics: RouterMetrics,
    private readonly log: Log,
  ) {
    this.service = service;
    this.backend = backend;
    this.setCookie = setCookie;
    metrics.began(service, backend.version);
  }

  ended(code: number): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.metrics.ended(
      this.service,
      this.backend.version,
      code,
      (performance.now() - this.#startedMs) / 1_000,
    );
  }

  failed(code: number, error: Error): void {
    if (this.#isOver) return;
    const { service, backend } = this;
    this.log.warn(
      { service, version: backend.version, url: backend.url, code, err: error },
      "backend failed",
    );
    this.ended(code);
  }
}

interface Place {
  readonly isTls: boolean;
  readonly hostname: string;
  readonly port: number;
}

/** Connections to backends, kept open between requests. */
export class BackendConnections {
  readonly #http: HttpAgent;
  readonly #https: HttpsAgent;
  readonly #places = new WeakMap<Backend, Place>();

  constructor() {
    const options = { keepAlive: true, maxFreeSockets: idleConnectionsMax, timeout: idleConnectionMs };
    this.#http = new HttpAgent(options);
    this.#https = new HttpsAgent(options);
  }

  /** `isFresh` takes a connection of its own instead of a kept one. */
  request(backend: Backend, options: RequestOptions, isFresh: boolean): ClientRequest {
    const { isTls, hostname, port } = this.#placeOf(backend);
    const agent = isFresh ? false : isTls ? this.#https : this.#http;
    const all = { ...options, agent, hostname, port, setHost: false };
    return isTls ? httpsRequest({ ...all, servername: hostname }) : httpRequest(all);
  }

  /** Read once for each backend of a route in force. */
  #placeOf(backend: Backend): Place {
    const known = this.#places.get(backend);
    if (known !== undefined) return known;
    const url = new URL(backend.url);
    const isTls = url.protocol === "https:";
    const place = {
      isTls,
      hostname: url.hostname.replace(/^\[|\]$/g, ""),
      port: url.port === "" ? (isTls ? 443 : 80) : Number(url.port),
    };
    this.#places.set(backend, place);
    return place;
  }

  close(): void {
    this.#http.destroy();
    this.#https.destroy();
  }
}

/** A backend did not connect, or did not answer, in time. */
export class BackendTimeout extends Error {
  readonly code = "ETIMEDOUT";
}
