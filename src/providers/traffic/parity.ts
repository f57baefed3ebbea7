import type { Parity, ParityDifference, TrafficSnapshot } from "./contract.ts";

type Value = ParityDifference["recorded"];

/** Recorded against actual, field by field, in the order of the names. A version missing on one side is a difference. */
export function compareSnapshots(recorded: TrafficSnapshot, actual: TrafficSnapshot): Parity {
  const [before, now] = [flatten(recorded), flatten(actual)];
  const names = [...new Set([...before.keys(), ...now.keys()])].sort();
  const differences = names
    .map((field) => ({ field, recorded: before.get(field) ?? null, actual: now.get(field) ?? null }))
    .filter(({ field, recorded, actual }) => recorded !== actual || before.has(field) !== now.has(field));
  return { equal: differences.length === 0, differences };
}

function flatten(snapshot: TrafficSnapshot): Map<string, Value> {
  const fields = new Map<string, Value>([
    ["engine", snapshot.engine],
    ["service", snapshot.service],
    ["environment", snapshot.environment],
  ]);
  for (const { version, weightPercent, address } of snapshot.versions) {
    fields.set(`versions.${version}.weightPercent`, weightPercent);
    fields.set(`versions.${version}.address`, address);
  }
  for (const [name, value] of Object.entries(snapshot.fields)) fields.set(`fields.${name}`, value);
  return fields;
}
