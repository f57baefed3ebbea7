/** One request to a Git host over HTTP, and what its status means. */
import type { z } from "zod";
import { type ProviderCode, ProviderError, RateLimited } from "../errors.ts";

export interface ScmHttpOptions {
  /** For people: `GitHub`. */
  readonly system: string;
  /** Without a slash at the end. */
  readonly url: string;
  /** Made anew for each request; holds the credentials. */
  readonly headers: () => Readonly<Record<string, string>>;
  readonly deadlineMs: number;
}

export interface ScmRequest {
  readonly method: "GET" | "POST";
  /** With its query. */
  readonly path: string;
  readonly body?: unknown;
}

/** How long to stay away when a limit is hit and no time is named. Source: GitHub, "Best practices for using the REST API". */
const stayAwayMs = 60_000;
const reasonCharsMax = 300;

const hints: Record<ProviderCode, string> = {
  unreachable: "It is asked again by itself.",
  unauthorised: "The token must be allowed to write to the repository and to open requests in it.",
  not_found: "Check the repository, and that the token may see it.",
  conflict: "It is asked again by itself.",
  rejected: "Revert by hand.",
  timeout: "It may have been done; it is looked for before it is asked again.",
  in_progress: "It is asked again by itself.",
};

export class ScmHttp {
  constructor(private readonly options: ScmHttpOptions) {}

  async send<Schema extends z.ZodType>(request: ScmRequest, schema: Schema): Promise<z.output<Schema>> {
    const { status, headers, text } = await this.#fetch(request);
    if (status < 200 || status >= 300) throw this.#refusal(request, status, headers, text);
    const parsed = schema.safeParse(parse(text));
    if (parsed.success) return parsed.data;
    const [issue] = parsed.error.issues;
    throw this.#error(
      "rejected",
      `answers otherwise than documented: ${issue?.path.join(".")}: ${issue?.message}`,
    );
  }

  async #fetch({ method, path, body }: ScmRequest) {
    const { url, deadlineMs } = this.options;
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
        // Credentials are sent nowhere else.
        redirect: "manual",
        signal: deadline,
      });
      return { status: response.status, headers: response.headers, text: await response.text() };
    } catch (error) {
      if (deadline.aborted) throw this.#error("timeout", `did not answer within ${deadlineMs} ms`, error);
      throw this.#error("unreachable", "cannot be reached", error);
    }
  }

  #refusal({ method, path }: ScmRequest, status: number, headers: Headers, text: string): ProviderError {
    const { system } = this.options;
    const reason = text.slice(0, reasonCharsMax);
    const isLimit =
      status === 429 ||
      (status === 403 && (headers.has("retry-after") || headers.get("x-ratelimit-remaining") === "0"));
    if (isLimit)
      return new RateLimited(
        `${system} asks to come back later`,
        hints.unreachable,
        Number(headers.get("retry-after")) * 1_000 || stayAwayMs,
      );
    return this.#error(codeOf(status), `refused ${method} ${path} (${status}): ${reason}`);
  }

  #error(code: ProviderCode, what: string, cause?: unknown): ProviderError {
    return new ProviderError(code, `${this.options.system} ${what}`, hints[code], cause);
  }
}

function codeOf(status: number): ProviderCode {
  if (status === 401 || status === 403) return "unauthorised";
  if (status === 404) return "not_found";
  if (status === 409) return "conflict";
  return status >= 500 ? "unreachable" : "rejected";
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
