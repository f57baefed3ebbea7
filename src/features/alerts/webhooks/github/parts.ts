/** What GitHub's payloads have in common. Pure. */
import { z } from "zod";
import type { ReadDelivery } from "../../model.ts";
import { problemsOf, typeSaid } from "../reader.ts";
import { time } from "../times.ts";

export const words = z.string().nullish();
/** A number in JSON; text once it is past 2^53. */
export const idField = z
  .union([z.number(), z.string().regex(/\S/, "is blank")], { error: "must be a number" })
  .transform(String);
export const moment = time;

export const repository = z.object({ full_name: z.string().regex(/\S/, "is blank"), html_url: words });
export const person = z.object({ login: z.string() }).nullish();

/** Reads a payload by its schema, or names what does not fit. */
export function part<Output>(
  schema: z.ZodType<Output>,
  read: (payload: Output) => Partial<ReadDelivery>,
): (body: unknown) => Partial<ReadDelivery> {
  return (body) => {
    const parsed = schema.safeParse(body, { error: typeSaid });
    return parsed.success ? read(parsed.data) : { problems: problemsOf(parsed.error) };
  };
}

const shaCharsShown = 8;
export const shortSha = (sha: string): string => sha.slice(0, shaCharsShown);
