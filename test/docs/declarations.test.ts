import { describe, expect, it } from "vitest";
import { grammarOf } from "../../src/catalog/grammar.ts";
import { loadCatalog } from "../../src/catalog/load.ts";
import { declaredFeatures } from "../../src/cli/declared.ts";
import { referencePages } from "../../src/cli/reference.ts";
import { settingsSchema } from "../../src/config/config.ts";
import { allMigrations } from "../../src/features/all.ts";
import { parseLine } from "../../src/platform/commands/parse.ts";
import { partsOf, roles } from "../../src/platform/commands/spec.ts";

const features = declaredFeatures();
const commands = features.flatMap((feature) => feature.commands ?? []);
const specs = commands.map(({ spec }) => spec);

/** A sentence says what, and ends. */
const isSentence = (text: string) => text.length >= 10 && /[.!?`)]$/.test(text.trim());

describe.each(specs.map((spec) => [spec.name, spec] as const))("the command %s", (_name, spec) => {
  it("has a summary, a role and positions the parser knows", () => {
    expect(spec.summary).toSatisfy(isSentence);
    expect(roles).toContain(spec.role);
    expect(() => [...partsOf(spec.args), ...partsOf(spec.flags)]).not.toThrow();
  });

  it("has an example that parses as itself on the sample catalog", async () => {
    const loaded = await loadCatalog("config/sample", {});
    if (!loaded.ok) throw new Error("the sample catalog cannot be used");
    const grammar = grammarOf(loaded.catalog, {
      slackTeam: "T0LOCAL",
      slackUser: "U0ONCALL",
      typedAt: new Date("2026-11-23T09:00:00Z"),
      hasModals: true,
    });
    const parsed = parseLine(spec.example, specs, grammar);
    expect(parsed.ok ? parsed.value.spec.name : parsed.refusal.message).toBe(spec.name);
    if (parsed.ok && spec.example !== "") expect(parsed.value.isBare).toBe(false);
  });
});

describe.each(features.map((feature) => [feature.name, feature] as const))(
  "the feature %s",
  (_name, feature) => {
    it("says what it, its hooks, pages, jobs, loops and metrics are for", () => {
      const told = [
        feature.about,
        ...(feature.hooks ?? []).map(({ about }) => about),
        ...(feature.routes ?? []).map(({ about }) => about),
        ...(feature.jobs ?? []).map(({ about }) => about),
        ...(feature.loops ?? []).map(({ about }) => about),
        ...(feature.metrics ?? []).map(({ help }) => help),
      ];
      expect(told.filter((text) => !isSentence(text))).toEqual([]);
    });

    it("schedules and subscribes only jobs that it has, and names its metrics as one family", () => {
      const jobs = new Set(features.flatMap((one) => one.jobs ?? []).map(({ name }) => name));
      const rung = [...(feature.schedules ?? []), ...(feature.events ?? [])].map(({ job }) => job);
      expect(rung.filter((job) => !jobs.has(job))).toEqual([]);
      for (const { name } of feature.metrics ?? []) expect(name).toMatch(/^quarterdeck_[a-z0-9_]+$/);
    });

    it("has its tables among those that the release step makes", () => {
      const all = allMigrations();
      expect(Object.keys(feature.migrations ?? {}).filter((name) => !(name in all))).toEqual([]);
    });
  },
);

it("every name is given once: commands with their aliases, modals, hooks, jobs, metrics", () => {
  const twice = (names: string[]) => names.filter((name, index) => names.indexOf(name) !== index);
  expect(twice(specs.flatMap(({ name, aliases }) => [name, ...(aliases ?? [])]))).toEqual([]);
  expect(twice(features.flatMap(({ modals }) => (modals ?? []).map(({ name }) => name)))).toEqual([]);
  expect(
    twice(features.flatMap(({ hooks }) => (hooks ?? []).map(({ source, path = "" }) => `${source}/${path}`))),
  ).toEqual([]);
  expect(twice(features.flatMap(({ jobs }) => (jobs ?? []).map(({ name }) => name)))).toEqual([]);
  expect(twice(features.flatMap(({ metrics }) => (metrics ?? []).map(({ name }) => name)))).toEqual([]);
});

it("after a restore, what ends things runs, and so does what leads from an alert to somebody who hears of it", () => {
  const jobs = features.flatMap((feature) => feature.jobs ?? []);
  expect(
    jobs
      .filter(({ whileHeld }) => whileHeld)
      .map(({ name }) => name)
      .sort(),
  ).toEqual([
    "access.end",
    "access.forget",
    "access.left",
    "access.reconcile",
    "access.sweep",
    "alerts.drain",
    "gitops.stop",
    "gitops.sweep",
    "paging.hear",
    "paging.reconcile",
    "paging.step",
    "paging.tell",
    "rollbacks.move",
    "rollbacks.sweep",
    "rollouts.revert",
    "tickets.follow",
    "tickets.redecide",
    "watch.came",
    "watch.ring-bulk",
    "watch.ring-normal",
    "watch.ring-urgent",
    "watch.watchdogs",
  ]);
});

it("every setting has a description, and the configuration page lists it", () => {
  const page = referencePages(features).find(({ file }) => file === "docs/configuration.md")?.text ?? "";
  for (const [name, schema] of Object.entries(settingsSchema.shape)) {
    expect([name, schema.description ?? ""]).toSatisfy(([, text]: [string, string]) => isSentence(text));
    expect(page).toContain(`| \`${name}\` |`);
  }
});

it("the command page shows each command with its example", () => {
  const page = referencePages(features).find(({ file }) => file === "docs/commands.md")?.text ?? "";
  for (const spec of specs) expect(page).toContain(`/ops ${spec.example}`.trim());
});
