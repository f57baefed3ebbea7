/** One request to a paging provider, and what its refusals mean. Addresses may be secrets: no message holds one. */
import { networkWord, type ProviderCode, ProviderError } from "../errors.ts";

/** Each call to a paging provider ends by then, in milliseconds. */
export const callDeadlineMs = 10_000;
/** Most of an answer that is read, in characters. */
const answerCharsMax = 65_536;

export interface Ask {
  /** The instance, for messages. */
  who: string;
  method: "GET" | "POST";
  url: string;
  headers: Readonly<Record<string, string>>;
  body?: string | undefined;
  deadlineMs: number;
}

export interface Answer {
  status: number;
  text: string;
}

/** Throws ProviderError `unreachable` or `timeout` when there is no answer; judges no status. */
export async function exchange(ask: Ask): Promise<Answer> {
  const { who, deadlineMs } = ask;
  const deadline = AbortSignal.timeout(deadlineMs);
  try {
    const response = await fetch(ask.url, {
      method: ask.method,
      headers: ask.headers,
      ...(ask.body === undefined ? {} : { body: ask.body }),
      redirect: "error",
      signal: deadline,
    });
    return { status: response.status, text: (await response.text()).slice(0, answerCharsMax) };
  } catch (cause) {
    if (deadline.aborted)
      throw new ProviderError(
        "timeout",
        `${who} did not answer within ${deadlineMs} ms`,
        "It may have rung all the same; it is asked again with the same key.",
      );
    throw new ProviderError(
      "unreachable",
      `${who} cannot be reached${networkWord(cause)}`,
      "Check the instance's address in the catalog and the network; it is tried again.",
    );
  }
}

/** What a status that is no success means. `said`: the system's own words, if it gave any. */
export function refusedBy(who: string, status: number, said: string): ProviderError {
  const code = codeOf(status);
  const words = said === "" ? "" : `: ${said.slice(0, 200)}`;
  return new ProviderError(code, `${who} answered ${status}${words}`, hints[code]);
}

function codeOf(status: number): ProviderCode {
  if (status === 401 || status === 403) return "unauthorised";
  if (status === 404) return "not_found";
  // Too many at once, or trouble of its own: nothing was taken.
  if (status === 429 || status >= 500) return "unreachable";
  return "rejected";
}

const hints: Readonly<Record<ProviderCode, string>> = {
  unreachable: "It has too much to do or trouble of its own; it is tried again.",
  unauthorised: "Check the secret that the instance names by its environment variable.",
  not_found: "Check the instance's address: nothing of that name is there.",
  conflict: "It is tried again.",
  rejected: "What it says names the field; mend the instance in the catalog.",
  in_progress: "It is asked again.",
  timeout: "It is asked again with the same key.",
};

/** Undefined for what is not JSON. */
export function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Cuts by code point. */
export function fitting(text: string, charsMax: number): string {
  const points = [...text.toWellFormed()];
  return points.length <= charsMax ? points.join("") : `${points.slice(0, charsMax - 1).join("")}…`;
}
