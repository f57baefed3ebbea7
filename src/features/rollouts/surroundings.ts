/**
 * What stands beside the traffic: settings, flags and the schema, as they were told. Quarterdeck did not set them and
 * cannot set them back; it records them before the first step, compares them after the way back and says what to do.
 * Pure.
 */
import { createHash } from "node:crypto";
import type { DataMigration } from "../../catalog/schema.ts";
import { canonicalJson } from "../../platform/canonical.ts";
import type { Deploy } from "../deploys/index.ts";

export interface Surroundings {
  readonly atMs: number;
  /** SHA-256 of the values below, in hex: equal digests are equal values. */
  readonly configDigest: string;
  readonly flagsDigest: string;
  /** Value by name, as last told; a value told without a name stands under "". */
  readonly config: Readonly<Record<string, string>>;
  readonly flags: Readonly<Record<string, string>>;
  /** Id of the data migration that ran last; null when none was told. */
  readonly schema: string | null;
}

export interface SurroundingDifference {
  readonly what: "config" | "flag" | "schema";
  /** Name of the flag or setting, "" for one without; id of the migration. */
  readonly name: string;
  /** Null where it was not told of before. */
  readonly recorded: string | null;
  readonly actual: string;
  /** Version that brought a migration. */
  readonly version: string;
  readonly by: string;
  readonly at: Date;
  readonly migration?: DataMigration | undefined;
}

/** A change that was told, of one service and environment. */
export type Told = Pick<Deploy, "change" | "version" | "by" | "at" | "migration">;

/** How far back what was told is read. */
export const toldForMs = 400 * 86_400_000;

/** What stood until a moment, from what was told, newest first. */
export function surroundingsOf(told: readonly Told[], at: Date): Surroundings {
  const past = told.filter((one) => one.at < at);
  const [config, flags] = [valuesOf(past, "config"), valuesOf(past, "flag")];
  return {
    atMs: at.getTime(),
    configDigest: digestOf(config),
    flagsDigest: digestOf(flags),
    config,
    flags,
    schema: past.find(({ migration }) => migration !== undefined)?.migration?.id ?? null,
  };
}

function valuesOf(told: readonly Told[], change: "config" | "flag"): Record<string, string> {
  const values = new Map<string, string>();
  for (const one of told) {
    if (one.change !== change) continue;
    const { name, value } = settingIn(one.version);
    if (!values.has(name)) values.set(name, value);
  }
  return Object.fromEntries(values);
}

/** `new-checkout on`, `pool=50`, `limits: 3`; a single word has no name. */
export function settingIn(words: string): { name: string; value: string } {
  const [, name, value] = /^([^\s=:]+)\s*[\s=:]\s*(\S.*)$/s.exec(words.trim()) ?? [];
  return name === undefined || value === undefined
    ? { name: "", value: words.trim() }
    : { name, value: value.trim() };
}

const digestOf = (values: Record<string, string>): string =>
  createHash("sha256").update(canonicalJson(values)).digest("hex");

/** What was changed since and has not been changed back, the newest first. `told`: newest first. */
export function changedSince(before: Surroundings, told: readonly Told[]): SurroundingDifference[] {
  const isSince = ({ at }: Told): boolean => at.getTime() >= before.atMs;
  // A version that goes out again brings its migration again; it ran before.
  const ran = new Set(
    told.filter((one) => !isSince(one)).flatMap(({ migration }) => (migration ? [migration.id] : [])),
  );
  if (before.schema !== null) ran.add(before.schema);
  const newest = new Map<string, SurroundingDifference>();
  for (const one of told.filter(isSince)) {
    const found = differenceIn(before, one);
    const key = `${found?.what} ${found?.name}`;
    if (found && !newest.has(key)) newest.set(key, found);
  }
  return [...newest.values()].filter(({ what, name, recorded, actual }) =>
    what === "schema" ? !ran.has(name) : recorded !== actual,
  );
}

function differenceIn(
  before: Surroundings,
  { change, version, by, at, migration }: Told,
): SurroundingDifference | undefined {
  if (change === "deploy") {
    if (migration === undefined) return undefined;
    const { id } = migration;
    return { what: "schema", name: id, recorded: before.schema, actual: id, version, by, at, migration };
  }
  const { name, value } = settingIn(version);
  const known = change === "flag" ? before.flags : before.config;
  const recorded = Object.hasOwn(known, name) ? (known[name] as string) : null;
  return { what: change, name, recorded, actual: value, version, by, at };
}

/** `flag new-checkout: off → on by @dev; turn it back`. Plain text: escaped where it is shown. */
export function differenceText(difference: SurroundingDifference, nameOf: (by: string) => string): string {
  const { what, name, recorded, actual, by, migration, version } = difference;
  switch (what) {
    case "flag":
    case "config": {
      const called = name === "" ? what : `${what} ${name}`;
      const change = recorded === null ? `set to ${actual}` : `${recorded} → ${actual}`;
      const cure = recorded === null ? "look whether it was so before" : backText[what];
      return `${called} changed since: ${change} by ${nameOf(by)}; ${cure}`;
    }
    case "schema": {
      const note = migration?.note === undefined ? "" : ` (${migration.note})`;
      const reversal =
        migration?.reversal === undefined
          ? `no reversal is recorded, ask ${nameOf(by)}`
          : `its reversal: ${migration.reversal}`;
      return `schema: ${version} ran migration ${name}${note}, which no weight undoes; ${reversal}`;
    }
  }
}

const backText: Readonly<Record<"flag" | "config", string>> = {
  flag: "turn it back",
  config: "set it back",
};
