/** One request to a ticket system over HTTP, and what its status means. */
import type { z } from "zod";
import { ProviderError, RateLimited } from "../errors.ts";

export interface TicketHttpOptions {
  /** For people: `GitHub`. */
  system: string;
  /** Without a slash at the end. */
  url: string;
  /** Made anew for each request; holds the credentials. */
  headers: () => Readonly<Record<string, string>>;
  deadlineMs: number;
  now: () => Date;
}

export interface TicketRequest {
  method: "GET" | "POST" | "PUT" | "PATCH";
  /** With its query. */
  path: string;
  body?: unknown;
}

/** Pages looked through for a marker at most. */
export const looksMax = 20;
/** How far two clocks may be apart. */
export const skewMs = 5 * 60_000;

/** An answer larger than this is no ticket. */
const bodyBytesMax = 8 * 1024 * 1024;
/** How long to stay away when a limit is hit and no time is named. Source: GitHub, "Best practices for using the REST API". */
const stayAwayMs = 60_000;
/** However long a system asks us to stay away, it is asked again after this. */
const stayAwayMsMax = 3_600_000;

export class TicketHttp {
  constructor(private readonly options: TicketHttpOptions) {}

  /** The parsed body; undefined when there is none. */
  async send(request: TicketRequest): Promise<unknown> {
    const { status, headers, text } = await this.#fetch(request);
    if (status >= 200 && status < 300) return text === "" ? undefined : this.#parse(text);
    throw this.#refusal(request, status, headers, text);
  }

  /** As {@link send}; undefined when the thing is not there. */
  async find(request: TicketRequest): Promise<unknown> {
    try {
      return await this.send(request);
    } catch (error) {
      if (error instanceof ProviderError && error.code === "not_found") return undefined;
      throw error;
    }
  }

  /** An answer of the documented shape, or ProviderError `rejected`. */
  checked<Schema extends z.ZodType>(schema: Schema, body: unknown): z.output<Schema> {
    const parsed = schema.safeParse(body);
    if (parsed.success) return parsed.data;
    const [issue] = parsed.error.issues;
    throw new ProviderError(
      "rejected",
      `${this.options.system}'s answer is not as documented: ${issue?.path.join(".")}: ${issue?.message}`,
      "Check the address of the ticketing instance in the catalog.",
      parsed.error,
    );
  }

  async #fetch({ method, path, body }: TicketRequest) {
    const { system, url, deadlineMs } = this.options;
    const deadline = AbortSignal.timeout(deadlineMs);
    try {
      const response = await fetch(`${url}${path}`, {
        method,
        headers: {
          accept: "application/json",
          ...(body === undefined ? {} : { "content-type": "application/json" }),
          ...this.options.headers(),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        // A redirect means that the project moved: people correct the catalog, credentials are sent nowhere else.
        redirect: "manual",
        signal: deadline,
      });
      return {
        status: response.status,
        headers: response.headers,
        text: await limitedText(response, system),
      };
    } catch (error) {
      if (error instanceof ProviderError) throw error;
      if (deadline.aborted)
        throw new ProviderError(
          "timeout",
          `${system} did not answer within ${deadlineMs} ms`,
          "It may have done what was asked; it is looked for before anything is asked again.",
          error,
        );
      throw new ProviderError(
        "unreachable",
        `${system} cannot be reached`,
        `Check its address in the catalog (${url}), and the network; tickets wait and come later.`,
        error,
      );
    }
  }

  #parse(text: string): unknown {
    try {
      return JSON.parse(text);
    } catch (error) {
      throw new ProviderError(
        "rejected",
        `What answers at ${this.options.url} is not ${this.options.system}`,
        "Check the address of the ticketing instance in the catalog.",
        error,
      );
    }
  }

  #refusal({ method, path }: TicketRequest, status: number, headers: Headers, text: string): ProviderError {
    const { system } = this.options;
    const asked = `${method} ${path.split("?")[0]}`;
    const said = `${system} answered ${status} to ${asked}: ${reasonIn(text)}`;
    const limited = limitOf(status, headers, text);
    if (limited)
      return new RateLimited(
        `${system} takes no more for now: a limit is reached (${status})`,
        "Tickets wait and come later; nothing needs to be done.",
        this.#stayAwayMs(headers),
      );
    if (status === 401 || status === 403)
      return new ProviderError(
        "unauthorised",
        said,
        "Check the token the ticketing instance names, and that it may write tickets in that project.",
      );
    if (status === 404 || status === 410 || (status >= 300 && status < 400))
      return new ProviderError(
        "not_found",
        said,
        "Check the project in the catalog; to a token without rights a project is not there either.",
      );
    if (status === 409)
      return new ProviderError("conflict", said, "Look at the ticket; somebody else changed it.");
    if (status === 408 || status >= 500)
      return new ProviderError("unreachable", said, "The system is in trouble; tickets wait and come later.");
    return new ProviderError(
      "rejected",
      said,
      "Correct what it names, in the catalog or in the project's settings.",
    );
  }

  /** Seconds or a date (RFC 9110, 10.2.3), or GitHub's own epoch seconds; at least one second. */
  #stayAwayMs(headers: Headers): number {
    const after = headers.get("retry-after");
    const nowMs = this.options.now().getTime();
    let ms = stayAwayMs;
    if (after !== null && /^\d+$/.test(after.trim())) ms = Number(after) * 1_000;
    else if (after !== null && !Number.isNaN(Date.parse(after))) ms = Date.parse(after) - nowMs;
    else if (headers.get("x-ratelimit-remaining") === "0") {
      const reset = Number(headers.get("x-ratelimit-reset"));
      if (Number.isFinite(reset) && reset > 0) ms = reset * 1_000 - nowMs;
    }
    return Math.min(stayAwayMsMax, Math.max(1_000, ms));
  }
}

/** GitHub answers 403 or 429 to a limit. Source: GitHub, "Rate limits for the REST API". */
function limitOf(status: number, headers: Headers, text: string): boolean {
  if (status === 429) return true;
  if (status !== 403 && status !== 503) return false;
  return (
    headers.has("retry-after") ||
    (status === 403 && (headers.get("x-ratelimit-remaining") === "0" || /secondary rate limit/i.test(text)))
  );
}

async function limitedText(response: Response, system: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > bodyBytesMax)
      throw new ProviderError(
        "rejected",
        `${system}'s answer is larger than ${bodyBytesMax} bytes`,
        "Check the address of the ticketing instance in the catalog.",
      );
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** What a refusal says of itself, whichever of the three wrote it. */
function reasonIn(text: string): string {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return text.trim() === "" ? "no reason given" : text.trim().slice(0, 200);
  }
  if (typeof body !== "object" || body === null) return "no reason given";
  const { message, error, errors, errorMessages } = body as Record<string, unknown>;
  const parts = [message, error, errorMessages, errors].flatMap((part) =>
    part === undefined || part === null || (Array.isArray(part) && part.length === 0)
      ? []
      : [typeof part === "string" ? part : JSON.stringify(part)],
  );
  return parts.join(" ").slice(0, 300) || "no reason given";
}
