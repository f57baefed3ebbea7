/** What a reader of one sender's format is: bytes in, a delivery out; it never throws for what the bytes hold. Pure. */
import type { z } from "zod";
import type { HookSource } from "../../../catalog/hook-sources.ts";
import type { ReadDelivery, Unreadable } from "../model.ts";
import { parseExactJson } from "./exact-json.ts";
import type { Seal } from "./kept.ts";
import type { SignatureRule } from "./signatures.ts";
import { clean } from "./texts.ts";

export interface Inbound {
  /** As it came, byte for byte. */
  body: Buffer;
  /** Names in lower case. */
  headers: Readonly<Record<string, string>>;
  source: HookSource;
  receivedAt: Date;
}

export type Reader = (delivery: Inbound) => ReadDelivery;

/** A sender as data: its reader and what must be known to serve it. */
export interface Sender {
  /** What it sends, for the list of hooks. */
  about: string;
  read: Reader;
  /** Headers its reader needs; they are kept with the body, no others are. `ce-*` stands for all that begin so. */
  headers?: readonly string[];
  /** Those that its source names. */
  headersOf?(source: HookSource): readonly string[];
  /** Header in which it sends a token of ours, beside `Authorization` and `?token=`. */
  tokenHeader?: string;
  /** How it signs with the secret of its source. */
  signature?: SignatureRule;
  /** What is kept of a body in which secrets may stand; its reader reads that too. The whole when left out. */
  kept?(body: Buffer, seal: Seal): Buffer;
  /** Why a post is kept and yet refused with 403: where a 2xx would let something pass that this room does not decide. */
  closed?(body: Buffer): string | undefined;
  /** 200 where errors make the sender give up on the hook: the body is kept and said, and the sender told nothing. */
  unreadableStatus: 200 | 400;
}

/** A delivery of what could be read. */
export const delivery = (read: Partial<ReadDelivery>): ReadDelivery => ({
  deliveryId: null,
  alerts: [],
  events: [],
  problems: [],
  groupKey: "",
  hiddenCount: 0,
  ...read,
});

/** Characters kept of the name of a field and of a reason. */
const fieldCharsMax = 200;
const issuesMax = 5;

/** The JSON of a body, or the problem that it is none. */
export function jsonOf(body: Buffer): { json: unknown } | { problems: readonly Unreadable[] } {
  try {
    return { json: parseExactJson(body.toString("utf8").replace(/^\ufeff/, "")) };
  } catch (error) {
    const why = clean((error as Error).message)
      .slice(0, fieldCharsMax)
      .toWellFormed();
    return { problems: [{ field: "body", why: `is not JSON: ${why}` }] };
  }
}

/** What a schema found, each with the path of its field below `at`; the body itself is called `body`. */
export function problemsOf(error: z.ZodError, at = ""): Unreadable[] {
  return error.issues.slice(0, issuesMax).map(({ path, message }) => {
    const below = path.map((part) => (typeof part === "number" ? `[${part}]` : `.${String(part)}`)).join("");
    const field = clean(`${at}${below}`).replace(/^\./, "").slice(0, fieldCharsMax).toWellFormed();
    return { field: field || "body", why: message };
  });
}

export type Checked<Output> = { value: Output } | { problems: readonly Unreadable[] };

/** What a schema, which says in its own words what is wrong, makes of a body's JSON. */
export function checked<Output>(json: unknown, schema: z.ZodType<Output>): Checked<Output> {
  const read = schema.safeParse(json, { error: typeSaid });
  return read.success ? { value: read.data } : { problems: problemsOf(read.error) };
}

/** Reads a whole body by one schema. */
export function readBody<Output>(body: Buffer, schema: z.ZodType<Output>): Checked<Output> {
  const parsed = jsonOf(body);
  return "problems" in parsed ? parsed : checked(parsed.json, schema);
}

/** Words for what no schema words itself. */
export const typeSaid: z.core.$ZodErrorMap = (issue) =>
  issue.code !== "invalid_type"
    ? undefined
    : issue.input === undefined
      ? "is missing"
      : `must be ${issue.expected}, as its sender gives it`;
