import { ErrorCode, WebClient } from "@slack/web-api";
import type { Log } from "../log.ts";

/** What Slack's answer means for us. Codes, never texts, decide. */
export type SlackTrouble =
  | { kind: "rate_limited"; retryAfterSec: number }
  | { kind: "gone"; code: string }
  | { kind: "refused"; code: string }
  /** Slack does not take our token: nothing can be said until somebody gives another one. */
  | { kind: "rejected"; code: string }
  | { kind: "unreachable"; code: string };

export class SlackError extends Error {
  constructor(
    readonly method: string,
    readonly trouble: SlackTrouble,
    cause?: unknown,
  ) {
    super(
      `Slack ${method}: ${trouble.kind === "rate_limited" ? `asked to wait ${trouble.retryAfterSec} s` : trouble.code}`,
      { cause },
    );
    this.name = "SlackError";
  }
}

/** The message is no longer there to edit: post again. */
const goneCodes = new Set([
  "message_not_found",
  "cant_update_message",
  "edit_window_closed",
  "thread_not_found",
]);
const serverCodes = new Set([
  "internal_error",
  "fatal_error",
  "service_unavailable",
  "request_timeout",
  "team_added_to_org",
]);

/**
 * The token, not the call, is what Slack will not take; the same call is taken once the token is mended.
 * Source: Slack docs, errors common to all methods of the Web API.
 */
const tokenCodes = new Set([
  "invalid_auth",
  "not_authed",
  "account_inactive",
  "token_revoked",
  "token_expired",
  "org_login_required",
  "ekm_access_denied",
]);

export interface SlackApi {
  call<T = Record<string, unknown>>(method: string, args: Record<string, unknown>): Promise<T & { ok: true }>;
  /** POST to a response_url. */
  respond(url: string, body: Record<string, unknown>): Promise<void>;
  upload(url: string, bytes: Buffer, fileName: string): Promise<void>;
  readonly client: WebClient;
}

const callTimeoutMs = 10_000;

/** The Web API without its own retries: our rows and rings own those. */
export function createSlackApi(options: {
  token: string | undefined;
  apiUrl?: string | undefined;
  log: Log;
}): SlackApi {
  const client = new WebClient(options.token, {
    ...(options.apiUrl ? { slackApiUrl: options.apiUrl } : {}),
    retryConfig: { retries: 0 },
    rejectRateLimitedCalls: true,
    timeout: callTimeoutMs,
  });
  return {
    client,
    async call(method, args) {
      try {
        return (await client.apiCall(method, args)) as never;
      } catch (error) {
        throw new SlackError(method, troubleOf(error), error);
      }
    },
    async respond(url, body) {
      const answer = await post(url, JSON.stringify(body), "application/json");
      if (answer.status === 404 || answer.status === 410)
        throw new SlackError("response_url", { kind: "gone", code: `http_${answer.status}` });
      assertOk("response_url", answer);
    },
    async upload(url, bytes, fileName) {
      const form = new FormData();
      form.append("filename", fileName);
      form.append("file", new Blob([new Uint8Array(bytes)], { type: "image/png" }), fileName);
      assertOk("upload", await post(url, form));
    },
  };
}

async function post(url: string, body: string | FormData, contentType?: string): Promise<Response> {
  try {
    return await fetch(url, {
      method: "POST",
      body,
      ...(contentType ? { headers: { "content-type": contentType } } : {}),
      signal: AbortSignal.timeout(callTimeoutMs),
    });
  } catch (error) {
    throw new SlackError(
      "post",
      { kind: "unreachable", code: error instanceof Error ? error.name : "unknown" },
      error,
    );
  }
}

function assertOk(method: string, answer: Response): void {
  if (answer.status === 429)
    throw new SlackError(method, {
      kind: "rate_limited",
      retryAfterSec: Number(answer.headers.get("retry-after")) || 1,
    });
  if (answer.status >= 500)
    throw new SlackError(method, { kind: "unreachable", code: `http_${answer.status}` });
  if (!answer.ok) throw new SlackError(method, { kind: "refused", code: `http_${answer.status}` });
}

function troubleOf(error: unknown): SlackTrouble {
  const { code, retryAfter, data, statusCode } = error as {
    code?: string;
    retryAfter?: number;
    data?: { error?: string };
    statusCode?: number;
  };
  if (code === ErrorCode.RateLimitedError) return { kind: "rate_limited", retryAfterSec: retryAfter ?? 1 };
  if (code === ErrorCode.PlatformError) {
    const reason = data?.error ?? "unknown_error";
    if (reason === "ratelimited" || reason === "rate_limited")
      return { kind: "rate_limited", retryAfterSec: 1 };
    if (goneCodes.has(reason)) return { kind: "gone", code: reason };
    if (tokenCodes.has(reason)) return { kind: "rejected", code: reason };
    return serverCodes.has(reason)
      ? { kind: "unreachable", code: reason }
      : { kind: "refused", code: reason };
  }
  return { kind: "unreachable", code: statusCode ? `http_${statusCode}` : (code ?? "unknown") };
}
