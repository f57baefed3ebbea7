/** One request to a system outside and its answer, whatever it says. Addresses may be secrets: no message holds one. */
import { networkWord, ProviderError } from "./errors.ts";

export interface Exchange {
  /** The instance, for messages. */
  who: string;
  method: "GET" | "POST" | "PUT" | "DELETE";
  url: string;
  headers: Readonly<Record<string, string>>;
  body?: string | undefined;
  deadlineMs: number;
  /** Ends the call before its deadline. */
  signal?: AbortSignal | undefined;
  /** Most of an answer that is read, in characters. */
  answerCharsMax: number;
}

export interface Answer {
  status: number;
  headers: Headers;
  text: string;
}

/**
 * Judges no status. Redirects are not followed: the catalog names the address, and credentials go nowhere else.
 * Throws ProviderError `unreachable` or `timeout` when there is no answer.
 */
export async function exchange(ask: Exchange): Promise<Answer> {
  const { who, deadlineMs } = ask;
  const deadline = AbortSignal.timeout(deadlineMs);
  const signal = ask.signal === undefined ? deadline : AbortSignal.any([deadline, ask.signal]);
  try {
    const response = await fetch(ask.url, {
      method: ask.method,
      headers: ask.headers,
      ...(ask.body === undefined ? {} : { body: ask.body }),
      redirect: "manual",
      signal,
    });
    const text = (await response.text()).slice(0, ask.answerCharsMax);
    return { status: response.status, headers: response.headers, text };
  } catch (cause) {
    if (signal.aborted)
      throw new ProviderError(
        "timeout",
        `${who} did not answer within ${deadlineMs} ms`,
        "It may have been done; it is looked for before it is asked again.",
      );
    throw new ProviderError(
      "unreachable",
      `${who} cannot be reached${networkWord(cause)}`,
      "Check the instance's address in the catalog and the network; it is tried again.",
    );
  }
}

/** However long a system asks us to stay away, it is asked again after this. */
const stayAwayMsMax = 3_600_000;

/** What `Retry-After` asks for, in milliseconds: seconds or a date. Source: RFC 9110, 10.2.3. */
export function retryAfterMs(headers: Headers, now: Date, otherwiseMs: number): number {
  const after = headers.get("retry-after")?.trim() ?? "";
  const ms = /^\d+$/.test(after)
    ? Number(after) * 1_000
    : Number.isNaN(Date.parse(after))
      ? otherwiseMs
      : Date.parse(after) - now.getTime();
  return Math.min(stayAwayMsMax, Math.max(1_000, ms));
}

/** Undefined for what is not JSON. */
export function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
