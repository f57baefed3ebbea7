/**
 * An expected no is a value, not an exception: it says which rule refused, what to do, and who could.
 * A broken world is thrown instead.
 */
export interface Refusal {
  /** Name of the rule that refused, in kebab case: `not-your-own-request`, `unknown-service`. */
  rule: string;
  /** What is refused and why, one sentence, with names and numbers. */
  message: string;
  /** What to do instead; an example where one helps. May be empty. */
  hint: string;
  /** Who could do it: person ids, or words such as `leads of storefront`. Empty when nobody could. */
  whoCould: readonly string[];
}

export type Allowed<T> = { ok: true; value: T };
export type Refused = { ok: false; refusal: Refusal };
export type Decision<T> = Allowed<T> | Refused;

export function allow<T>(value: T): Allowed<T> {
  return { ok: true, value };
}

/** `refuse({ rule, message })`; `hint` and `whoCould` are empty unless given. */
export function refuse(
  refusal: Pick<Refusal, "rule" | "message"> & Partial<Pick<Refusal, "hint" | "whoCould">>,
): Refused {
  const { rule, message, hint = "", whoCould = [] } = refusal;
  return { ok: false, refusal: { rule, message, hint, whoCould } };
}

/** One plain-text sentence or three; the doors escape it where it leaves. */
export function refusalText({ message, hint, whoCould }: Refusal): string {
  const who = whoCould.length > 0 ? `Who could: ${whoCould.join(", ")}.` : "";
  return [message, hint, who].filter((part) => part !== "").join(" ");
}
