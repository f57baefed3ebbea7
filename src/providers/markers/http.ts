/** One request to a system that keeps markers, and what its refusals mean. Addresses may be secrets: no message holds one. */
import { networkWord, type ProviderCode, ProviderError, RateLimited } from "../errors.ts";
import { NotWanted } from "./contract.ts";

export interface Ask {
  /** The instance, for messages. */
  who: string;
  method: "GET" | "POST";
  url: string;
  headers: Readonly<Record<string, string>>;
  body?: string | undefined;
  deadlineMs: number;
  now: () => Date;
}

/** Most of an answer that is read, in characters. */
const answerCharsMax = 1_048_576;
/** However long a system asks us to stay away, it is asked again after this. */
const stayAwayMsMax = 3_600_000;
const stayAwayMs = 60_000;

/**
 * The text of a success; anything else is thrown. Redirects are not followed: the catalog names the address, and
 * neither a token nor a signed body goes anywhere else.
 */
export async function send(ask: Ask): Promise<string> {
  const { who, deadlineMs } = ask;
  const deadline = AbortSignal.timeout(deadlineMs);
  let response: Response;
  let text: string;
  try {
    response = await fetch(ask.url, {
      method: ask.method,
      headers: { accept: "application/json", ...ask.headers },
      ...(ask.body === undefined ? {} : { body: ask.body }),
      redirect: "manual",
      signal: deadline,
    });
    text = (await response.text()).slice(0, answerCharsMax);
  } catch (cause) {
    if (deadline.aborted)
      throw new ProviderError(
        "timeout",
        `${who} did not answer within ${deadlineMs} ms`,
        "It may have taken it; it is looked for, or told with the same id, again.",
      );
    throw new ProviderError(
      "unreachable",
      `${who} cannot be reached${networkWord(cause)}`,
      "Check the instance's address in the catalog and the network; it is tried again.",
    );
  }
  if (response.ok) return text;
  throw refusalOf(ask, response, text);
}

function refusalOf({ who, now }: Ask, { status, headers }: Response, text: string): ProviderError {
  const said = `${who} answered ${status}${wordsIn(text)}`;
  // 410 Gone: the receiver is not interested any more. Source: Standard Webhooks, "Delivery success and failure".
  if (status === 410)
    return new NotWanted(said, "Remove the instance from the catalog, or mend its address.");
  if (status === 429 || (status === 503 && headers.has("retry-after")))
    return new RateLimited(said, "It is tried again when it says so.", afterMs(headers, now()));
  const code = codeOf(status);
  return new ProviderError(code, said, hints[code]);
}

function codeOf(status: number): "unauthorised" | "not_found" | "unreachable" | "rejected" {
  if (status === 401 || status === 403) return "unauthorised";
  if (status === 404 || (status >= 300 && status < 400)) return "not_found";
  return status === 408 || status >= 500 ? "unreachable" : "rejected";
}

const hints = {
  unreachable: "It has trouble of its own; it is tried again.",
  unauthorised: "Check the secret that the instance names by its environment variable, and its rights.",
  not_found: "Check the instance's address in the catalog; redirects are not followed.",
  rejected: "What it says names the field; mend the instance in the catalog.",
} as const satisfies Partial<Record<ProviderCode, string>>;

/** Seconds or a date. Source: RFC 9110, 10.2.3. */
function afterMs(headers: Headers, now: Date): number {
  const after = headers.get("retry-after")?.trim() ?? "";
  const ms = /^\d+$/.test(after)
    ? Number(after) * 1_000
    : Number.isNaN(Date.parse(after))
      ? stayAwayMs
      : Date.parse(after) - now.getTime();
  return Math.min(stayAwayMsMax, Math.max(1_000, ms));
}

function wordsIn(text: string): string {
  try {
    const body: unknown = JSON.parse(text);
    const message = typeof body === "object" && body !== null && "message" in body ? body.message : undefined;
    return typeof message === "string" ? `: ${message.slice(0, 200)}` : "";
  } catch {
    return "";
  }
}
