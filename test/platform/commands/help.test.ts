import { expect, it } from "vitest";
import { helpFor, usageOf } from "../../../src/platform/commands/help.ts";
import { specs } from "./specs.ts";

const usage = (name: string) => {
  const spec = specs.find((candidate) => candidate.name === name);
  if (spec === undefined) throw new Error(`no command ${name}`);
  return usageOf(spec);
};

it.each([
  ["rollback", "rollback <service> [version] [reason] [--dry-run] [--yes]"],
  ["mark", "mark <T> <actioned|noise> [--dry-run] [--yes]"],
  ["mute", "mute <T|service> <time> <reason> [--pages] [--dry-run] [--yes]"],
  ["page", "page <service|team|@person> <reason> [--dry-run] [--yes]"],
  ["runbook", "runbook [service] [name] [key=value …]"],
  ["alerts", "alerts [service] [--since 24h]"],
  [
    "access request",
    "access request <resource> <role> <time> <reason> [--for @person] [--at time] [--dry-run] [--yes]",
  ],
])("writes the usage of %s from its declaration", (name, expected) => {
  expect(usage(name)).toBe(expected);
});

it("shows only what the asker may do", () => {
  const entries = helpFor(specs, ({ role }) => role === "lead");
  expect(entries.map(({ name }) => name)).toContain("access approve");
  expect(entries.map(({ name }) => name)).not.toContain("rollback");
  expect(helpFor(specs, () => false)).toEqual([]);
});

it("has a usage, a summary and an example for every command", () => {
  for (const entry of helpFor(specs, () => true)) {
    expect(entry.usage.startsWith(entry.name)).toBe(true);
    expect(entry.summary).not.toBe("");
    expect(entry.example).not.toBe("");
  }
});
