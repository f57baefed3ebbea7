import { z } from "zod";
import { type ProviderCode, ProviderError } from "../errors.ts";
import type { TrafficCall } from "./contract.ts";

/** The admin interface of the `router` role, over HTTP. */
const routeSchema = z.object({
  service: z.string(),
  revision: z.number().int(),
  backends: z.array(z.object({ version: z.string(), url: z.string(), weight: z.number() })),
  changedBy: z.string().nullable(),
});
export type RouterRoute = z.output<typeof routeSchema>;

export interface RouterAddress {
  readonly adminUrl: string;
  readonly token: { reveal(): string };
}

export interface RouteChange {
  readonly backends: RouterRoute["backends"];
  readonly sticky?: { readonly header?: string | undefined; readonly cookie?: string | undefined };
  /** Refuse with `conflict` unless the route stands at this revision; left out, whatever stands is replaced. */
  readonly revision?: number;
  readonly changedBy: string;
}

/** One deadline over all requests of one call. */
export class RouterApi {
  readonly #signal: AbortSignal;

  constructor(
    private readonly address: RouterAddress,
    private readonly call: TrafficCall,
  ) {
    const deadline = AbortSignal.timeout(call.deadlineMs);
    this.#signal = call.signal ? AbortSignal.any([deadline, call.signal]) : deadline;
  }

  /** Undefined when the router has no such route. */
  async read(service: string): Promise<RouterRoute | undefined> {
    try {
      return await this.#send("GET", service);
    } catch (error) {
      if (error instanceof ProviderError && error.code === "not_found") return undefined;
      throw error;
    }
  }

  replace(service: string, change: RouteChange): Promise<RouterRoute> {
    return this.#send("PUT", service, change);
  }

  async #send(method: "GET" | "PUT", service: string, body?: RouteChange): Promise<RouterRoute> {
    let answer: { status: number; text: string };
    try {
      // A kept connection may be one that the router closed when it restarted. Both requests can be repeated.
      answer = await this.#attempt(method, service, body).catch((error: unknown) => {
        if (this.#signal.aborted) throw error;
        return this.#attempt(method, service, body);
      });
    } catch (error) {
      throw this.#noAnswer(error);
    }
    if (answer.status === 200) return this.#readRoute(answer.text);
    throw this.#refused(answer.status, answer.text);
  }

  async #attempt(
    method: string,
    service: string,
    body?: RouteChange,
  ): Promise<{ status: number; text: string }> {
    const answer = await fetch(new URL(`/routes/${encodeURIComponent(service)}`, this.address.adminUrl), {
      method,
      headers: { authorization: `Bearer ${this.address.token.reveal()}`, "content-type": "application/json" },
      ...(body ? { body: JSON.stringify(body) } : {}),
      redirect: "error",
      signal: this.#signal,
    });
    return { status: answer.status, text: await answer.text() };
  }

  #readRoute(text: string): RouterRoute {
    try {
      return routeSchema.parse(JSON.parse(text));
    } catch (error) {
      throw new ProviderError(
        "rejected",
        `What answers at ${this.address.adminUrl} is not a router of this release`,
        "Check adminUrl: it is the router's ROUTER_ADMIN_PORT.",
        error,
      );
    }
  }

  #noAnswer(cause: unknown): ProviderError {
    if (this.#signal.aborted) {
      return new ProviderError(
        "timeout",
        `The router at ${this.address.adminUrl} did not answer within ${this.call.deadlineMs} ms`,
        "The change may have happened; read the weights before trying again.",
        cause,
      );
    }
    return new ProviderError(
      "unreachable",
      `The router at ${this.address.adminUrl} cannot be reached`,
      "Is the router running, and adminUrl its ROUTER_ADMIN_PORT? User traffic goes on with the last weights.",
      cause,
    );
  }

  #refused(status: number, text: string): ProviderError {
    const code = codeOf(status);
    return new ProviderError(code, `The router refused (${status}): ${reasonIn(text)}`, hints[code]);
  }
}

const hints: Record<ProviderCode, string> = {
  unreachable: "The router is in trouble; its log says why. User traffic goes on with the last weights.",
  unauthorised: "The instance's token must be the router's ROUTER_TOKEN.",
  not_found: "Give the service its first version at 100 %.",
  conflict: "Somebody changed the weights at the same moment; read them, decide and try again.",
  rejected: "Correct the named field.",
  in_progress: "Ask again.",
  timeout: "Read the weights before trying again.",
};

function codeOf(status: number): ProviderCode {
  if (status === 401 || status === 403) return "unauthorised";
  if (status === 404) return "not_found";
  if (status === 409) return "conflict";
  return status >= 500 ? "unreachable" : "rejected";
}

const refusalSchema = z.object({ error: z.object({ message: z.string() }) });

function reasonIn(text: string): string {
  try {
    return refusalSchema.parse(JSON.parse(text)).error.message;
  } catch {
    return "no reason given";
  }
}
