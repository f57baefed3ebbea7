/**
 * A command is declared once, as data. The parser, the help, the manifest's usage hint and the command
 * reference are all made from it.
 */
import { z } from "zod";
import type { Id, IdKind, IdLetter, KindOf } from "../ids.ts";

/**
 * Who may run a command. `responder`: member or on call of the owning team; `lead`: one of its leads.
 * The decision itself is taken by authorisation, under the row's lock.
 */
export const roles = ["anyone", "responder", "lead"] as const;
export type Role = (typeof roles)[number];

/** A service in one environment; `isDefault` when the typist named none. */
export interface ServiceTarget {
  service: string;
  environment: string;
  isDefault: boolean;
}

/**
 * How long, as typed. `15m`: `durationMs` is what counts and `until` is now + that; with `until fri 09:00`
 * the end is fixed (`hasFixedEnd`) and `durationMs` is the way from now to there.
 */
export interface TimeSpan {
  durationMs: number;
  until: Date;
  hasFixedEnd: boolean;
}

export interface ChannelRef {
  id: string;
  name?: string;
}

/** What a position that takes several kinds of thing got. `person` is a person id of the catalog. */
export type Target =
  | ({ is: "service" } & ServiceTarget)
  | { is: "id"; kind: IdKind; id: Id<IdKind> }
  | { is: "team"; team: string }
  | { is: "person"; person: string }
  | { is: "resource"; resource: string }
  | { is: "all" };

/** What a {@link arg.target} position may take; a letter is an id of that kind. */
export type TargetChoice = "service" | "team" | "person" | "resource" | "all" | "id" | IdLetter;

/** How the parser reads one position; carried in the schema's metadata. */
export type ArgMeta =
  | { kind: "service" | "resource" | "team" | "person" | "channel" | "version" | "word" }
  | { kind: "time" | "duration" | "instant" | "rest" | "pairs" | "steps" | "switch" | "count" }
  | { kind: "id"; letter: IdLetter }
  | { kind: "choice"; choices: readonly string[] }
  | { kind: "target"; takes: readonly TargetChoice[] };
export type ArgKind = ArgMeta["kind"];

/** Longest name (service, version, word) in characters, and longest reason or title. */
export const wordLengthMax = 100;
export const restLengthMax = 3_000;

const metaKey = "arg";
const carrying = <T extends z.ZodType>(schema: T, meta: ArgMeta): T => schema.meta({ [metaKey]: meta });

/** Builders for the positions of a command: the order of the shape is the order on the line. */
export const arg = {
  /** `shop`, `shop@staging`; the default environment is echoed. */
  service: () => carrying(z.custom<ServiceTarget>(isObject), { kind: "service" }),
  /** A resource people ask access to. Naming a service instead lists that service's resources. */
  resource: () => carrying(z.string(), { kind: "resource" }),
  team: () => carrying(z.string(), { kind: "team" }),
  /** `@olive`, `<@U123|olive>`; gives the person's id in the catalog. */
  person: () => carrying(z.string(), { kind: "person" }),
  /** `<#C123|ops>` or `#ops`. */
  channel: () => carrying(z.custom<ChannelRef>(isObject), { kind: "channel" }),
  /** `v42`, `1.4.2`, `9f3c1e2`: an ASCII word with at least one digit, so that a reason is not taken for one. */
  version: () => carrying(z.string(), { kind: "version" }),
  /** Any one ASCII word: a role, a name. */
  word: () => carrying(z.string().max(wordLengthMax), { kind: "word" }),
  /** One of a closed list. */
  choice: <const Choices extends readonly [string, ...string[]]>(choices: Choices) =>
    carrying(z.enum(choices), { kind: "choice", choices }),
  /** `90s 15m 2h 1d 1h30m` or `until fri 09:00`. */
  time: () => carrying(z.custom<TimeSpan>(isObject), { kind: "time" }),
  /** `90s 15m 2h 1d 1h30m` in milliseconds; for `--since`, `--hold`. */
  duration: () => carrying(z.number().int().positive(), { kind: "duration" }),
  /** A moment to come: `15m` from now, `09:00`, `fri 09:00`, `2030-01-31 09:00`; for `--at`. */
  instant: () => carrying(z.date(), { kind: "instant" }),
  /** An id of one kind: `arg.id("R")` takes `R-12`, `R12`, `r-12` and gives `R-12`. */
  id: <Letter extends IdLetter>(letter: Letter) =>
    carrying(
      z.custom<Id<KindOf<Letter>>>((value) => typeof value === "string"),
      {
        kind: "id",
        letter,
      },
    ),
  /** One position that takes several kinds of thing: `arg.target("service", "R")`. */
  target: (...takes: TargetChoice[]) => carrying(z.custom<Target>(isObject), { kind: "target", takes }),
  /** A whole number, 1 to 1,000,000. */
  count: () => carrying(z.number().int().min(1).max(1_000_000), { kind: "count" }),
  /** Percent steps, rising, each above 0 and at most 100: `1,10,50,100`. */
  steps: () => carrying(z.array(z.number().positive().max(100)).min(1).max(20), { kind: "steps" }),
  /** `key=value` words, each key once. */
  pairs: () => carrying(z.record(z.string(), z.string()), { kind: "pairs" }),
  /** The rest of the line: a reason or title. Last position only. */
  rest: () => carrying(z.string().min(1).max(restLengthMax), { kind: "rest" }),
  /** A flag without a value: `--pages`. Flags only. */
  switch: () => carrying(z.boolean().default(false), { kind: "switch" }),
};

export type Shape = z.ZodObject;

export interface CommandSpec<Args extends Shape = Shape, Flags extends Shape = Shape> {
  /** Noun and verb, `rollout start`; or one word, `ack`. */
  name: string;
  /** Other ways to say it. A noun alone (`freeze` for `freeze list`) or `""` for the empty line. */
  aliases?: readonly string[];
  /** Positions in the shape's order, built from {@link arg}. */
  args: Args;
  /** Flags by camel-case name (`dryRun` is typed `--dry-run`), built from {@link arg}, each optional. */
  flags: Flags;
  role: Role;
  /** One line for `help`. */
  summary: string;
  /** A line that parses, without the `/ops`. */
  example: string;
  /** Acting verbs take `--dry-run` and `--yes`. */
  acts: boolean;
  /** It ends something or takes it back, so that it is done even while all else waits after a restore. */
  whileHeld: boolean;
  /** Bare, it opens a modal where the door has one: the line then parses with `isBare`. */
  opensModal: boolean;
}

const noFlags = z.object({});

/** Declares a command; `flags` and `opensModal` may be left out. */
export function defineCommand<Args extends Shape, Flags extends Shape = typeof noFlags>(
  spec: Omit<CommandSpec<Args, Flags>, "flags" | "opensModal" | "whileHeld"> & {
    flags?: Flags;
    opensModal?: boolean;
    whileHeld?: boolean;
  },
): CommandSpec<Args, Flags> {
  const { flags = noFlags as Shape as Flags, opensModal = false, whileHeld = false } = spec;
  return { ...spec, flags, opensModal, whileHeld };
}

/** The flags every line gives; false where the command does not act. */
export interface StandardFlags {
  dryRun: boolean;
  yes: boolean;
}

/** A line as read. `echo`: what was filled in for the typist and must be shown (environment, absolute end). */
export interface ParsedLine {
  spec: CommandSpec;
  args: Record<string, unknown>;
  flags: StandardFlags & Record<string, unknown>;
  echo: readonly string[];
  /** Nothing after the name, and the command opens a modal: `args` is empty. */
  isBare: boolean;
}

/** The line's arguments in the command's own types. Throws a ZodError when the line is another command's or bare. */
export function argsOf<Args extends Shape, Flags extends Shape>(
  spec: CommandSpec<Args, Flags>,
  line: ParsedLine,
): z.output<Args> {
  return spec.args.parse(line.args);
}

/** The line's flags in the command's own types. */
export function flagsOf<Args extends Shape, Flags extends Shape>(
  spec: CommandSpec<Args, Flags>,
  line: ParsedLine,
): z.output<Flags> & StandardFlags {
  const { dryRun, yes } = line.flags;
  return { ...spec.flags.parse(line.flags), dryRun, yes };
}

/** One position or flag as the parser and the help see it. */
export interface ArgPart {
  name: string;
  meta: ArgMeta;
  isOptional: boolean;
  schema: z.ZodType;
}

/** Positions or flags of a shape, in order. Throws a TypeError for a field not built from {@link arg}. */
export function partsOf(shape: Shape): ArgPart[] {
  return Object.entries(shape.shape).map(([name, field]) => {
    const schema = field as z.ZodType;
    const meta = metaOf(schema);
    if (meta === undefined) throw new TypeError(`Field "${name}" of a command is not built from arg.*`);
    return { name, meta, isOptional: schema.safeParse(undefined).success, schema };
  });
}

function metaOf(schema: z.ZodType): ArgMeta | undefined {
  const own = schema.meta()?.[metaKey];
  if (own !== undefined) return own as ArgMeta;
  // Optional and defaulted fields wrap the schema that carries the metadata.
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodNullable) {
    return metaOf(schema.unwrap() as z.ZodType);
  }
  return undefined;
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null;
}
