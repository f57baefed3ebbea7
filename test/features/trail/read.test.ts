import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { grammarOf } from "../../../src/catalog/grammar.ts";
import { loadCatalog } from "../../../src/catalog/load.ts";
import type { Catalog } from "../../../src/catalog/schema.ts";
import { createTrail } from "../../../src/features/trail/index.ts";
import type { AuditFilter } from "../../../src/features/trail/model.ts";
import { readAudit } from "../../../src/features/trail/store.ts";
import { chainPending } from "../../../src/platform/audit/chainer.ts";
import { eraseFromOldCatalogs, eraseName, keepNames } from "../../../src/platform/audit/names.ts";
import { parseLine } from "../../../src/platform/commands/parse.ts";
import type { Actor } from "../../../src/platform/people.ts";
import { systemActor } from "../../../src/platform/people.ts";
import type { Platform } from "../../../src/platform/platform.ts";
import { type TestDatabase, testDatabase } from "../../support/database.ts";

const lena: Actor = { team: "T0LOCAL", person: "U0LEAD", door: "slack" };
const dev: Actor = { team: "T0LOCAL", person: "U0DEV", door: "console" };
const foreign: Actor = { team: "T0OTHER", person: "U0DEV", door: "slack" };
const actions = [
  "rollout.started",
  "rollout.reverted",
  "access.requested",
  "access.approved",
  "freeze.ended",
];
const everything = 1_200;

let world: TestDatabase;
let catalog: Catalog;
/** What was written, oldest first. */
const written: { seq: number; at: Date; actor: Actor; action: string; subject: string; service: string }[] =
  [];

beforeAll(async () => {
  world = await testDatabase();
  const loaded = await loadCatalog("config/sample", {});
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  catalog = loaded.catalog;
  for (let batch = 0; batch < 12; batch += 1) {
    await world.database.tx(async (tx) => {
      for (let index = 0; index < everything / 12; index += 1) {
        const n = batch * 100 + index;
        const entry = {
          actor: [lena, dev, foreign, systemActor][n % 4] as Actor,
          action: actions[n % 5] as string,
          subject: n % 3 === 0 ? `G-${n}` : n % 3 === 1 ? "R-1" : `R-${n}`,
          service: n % 7 === 0 ? "payments" : "shop",
        };
        tx.audit({ ...entry, reason: `because of ${n}` });
        written.push({ ...entry, seq: n + 1, at: tx.now });
      }
    });
    world.clock.advance(3_600_000);
  }
  await chainPending(world.db);
});
afterAll(() => world.close());

type Written = (typeof written)[number];
const isDev = ({ actor }: Written) => actor.person === "U0DEV" && actor.team === "T0LOCAL";
const noon = new Date("2026-03-02T14:00:00Z");

describe("pages of the audit", () => {
  it.each<[string, Omit<AuditFilter, "limit">, (entry: Written) => boolean]>([
    ["everything", {}, () => true],
    ["a service", { service: "payments" }, ({ service }) => service === "payments"],
    ["an exact id and none that only begins so", { subject: "R-1" }, ({ subject }) => subject === "R-1"],
    ["a person of one workspace", { people: [{ team: "T0LOCAL", person: "U0DEV" }] }, isDev],
    ["an action", { action: "freeze.ended" }, ({ action }) => action === "freeze.ended"],
    ["a noun", { action: "rollout" }, ({ action }) => action.startsWith("rollout.")],
    ["a time", { since: noon }, ({ at }) => at >= noon],
    ["what was before a time", { until: noon }, ({ at }) => at < noon],
    [
      "all of these at once",
      { service: "shop", action: "access", people: [{ team: "T0LOCAL", person: "U0DEV" }], since: noon },
      (entry) =>
        isDev(entry) && entry.service === "shop" && entry.action.startsWith("access.") && entry.at >= noon,
    ],
    ["a beginning of subjects", { text: "G-11" }, ({ subject }) => subject.startsWith("G-11")],
    [
      "a part of actions and a beginning of subjects",
      { text: "R" },
      ({ subject, action }) => subject.startsWith("R") || action.includes("r"),
    ],
    ["a text that is nowhere", { text: "%" }, () => false],
    ["an action that never was", { action: "rollou" }, () => false],
    ["a noun's own look-alike", { action: "rollout_" }, () => false],
  ])("give %s, newest first, each entry once", async (_what, filter, matches) => {
    const expected = written
      .filter(matches)
      .map(({ seq }) => seq)
      .reverse();
    const seen: number[] = [];
    let before: number | undefined;
    do {
      const page = await readAudit(world.db, { ...filter, limit: 97 }, before);
      seen.push(...page.lines.map(({ seq }) => seq));
      before = page.next;
    } while (before !== undefined);
    expect(seen.filter((seq) => seq <= everything)).toEqual(expected);
  });

  it("give every field of an entry", async () => {
    const { lines } = await readAudit(world.db, { subject: "G-3", limit: 1 });
    expect(lines[0]).toMatchObject({
      seq: 4,
      team: "-",
      person: "quarterdeck",
      door: "system",
      action: "access.approved",
      subject: "G-3",
      service: "shop",
      reason: "because of 3",
      catalog: "c0ffee",
    });
  });
});

describe("/ops audit", () => {
  const publicUrl = "http://q.test";
  const ask = async (actor: Actor, text: string) => {
    const platform = { database: world.database, clock: world.clock, publicUrl } as unknown as Platform;
    const { feature } = createTrail(platform);
    const specs = (feature.commands ?? []).map(({ spec }) => spec);
    const grammar = grammarOf(catalog, {
      slackTeam: actor.team,
      slackUser: actor.person,
      typedAt: world.clock.now(),
      hasModals: false,
    });
    const parsed = parseLine(text, specs, grammar);
    if (!parsed.ok) throw new Error(parsed.refusal.message);
    const decision = await feature.commands?.[0]?.run({
      line: parsed.value,
      actor,
      catalog,
      inboxId: "",
      now: world.clock.now(),
      place: { channel: "C0OPS" },
    });
    return decision?.ok ? decision.value : undefined;
  };
  const linesOf = (text: string | undefined) =>
    [...(text ?? "").matchAll(/^`(\d+)`/gm)].map(([, seq]) => Number(seq));
  const older = (reply: Awaited<ReturnType<typeof ask>>) =>
    reply?.blocks
      ?.flatMap((block) => (block.type === "actions" ? block.elements : []))
      .flatMap((element) => ("value" in element ? [element.value ?? ""] : []))[0];

  it("looks a day back for a service, pages by its button, and links the same question on the console", async () => {
    const first = await ask(lena, "audit payments --since 12h");
    expect(linesOf(first?.text)).toHaveLength(20);
    expect(first?.text).toContain("<http://q.test/audit?service=payments&since=12h|in the console>");
    const second = await ask(lena, older(first) ?? "");
    const expected = written
      .filter(({ service }) => service === "payments")
      .map(({ seq }) => seq)
      .reverse();
    expect([...linesOf(first?.text), ...linesOf(second?.text)]).toEqual(expected.slice(0, 40));
  });

  it("tells an id's whole life, however long ago", async () => {
    world.clock.advance(40 * 86_400_000);
    expect(linesOf((await ask(lena, "audit G-3"))?.text)).toEqual([4]);
    expect((await ask(lena, "audit shop"))?.text).toMatch(/^Nothing was done there in the last 1d\./);
  });

  it("is audited itself: once for a question and its pages, and no read follows from a read", async () => {
    const reads = async () =>
      (await readAudit(world.db, { action: "audit.read", limit: 50 })).lines.map(({ person, detail }) => ({
        person,
        detail,
      }));
    world.clock.advance(3_600_000);
    const before = (await reads()).length;
    const question = "audit @dev --action rollout --since 90d";
    for (let press = 0; press < 3; press += 1) await ask(lena, `${question} --before ${900 - press}`);
    await ask(dev, question);
    expect((await reads()).slice(0, -before)).toEqual(
      ["U0DEV", "U0LEAD"].map((person) => ({
        person,
        detail: { people: ["T0LOCAL:U0DEV"], action: "rollout", since: "90d" },
      })),
    );
    world.clock.advance(600_001);
    await ask(dev, question);
    expect(await reads()).toHaveLength(before + 3);
  });
});

describe("names", () => {
  const nameOf = async (person: string) =>
    (await readAudit(world.db, { people: [{ team: "T0LOCAL", person }], limit: 1 })).lines[0]?.name;

  it("are joined by the reader, and gone for good once erased, with an entry and an unchanged audit", async () => {
    const hash = (await readAudit(world.db, { subject: "G-9", limit: 1 })).lines[0]?.hash;
    await keepNames(world.db, catalog, world.clock.now());
    expect(await nameOf("U0DEV")).toBe("Dev Dara");
    const erase = () =>
      world.database.tx((tx) => eraseName(tx, systemActor, { team: "T0LOCAL", person: "U0DEV" }));
    expect([await erase(), await erase()]).toEqual([true, false]);
    await keepNames(world.db, catalog, world.clock.now());
    expect(await nameOf("U0DEV")).toBeUndefined();
    expect(await nameOf("U0LEAD")).toBe("Lena Lind");
    const page = await readAudit(world.db, { action: "audit.person-erased", limit: 5 });
    expect(page.lines.map(({ subject }) => subject)).toEqual(["T0LOCAL:U0DEV"]);
    expect((await readAudit(world.db, { subject: "G-9", limit: 1 })).lines[0]?.hash).toEqual(hash);
  });

  it("leave catalogs that were in force before, not the one that is", async () => {
    const digests = ["before", "now"];
    const content = JSON.stringify(catalog);
    for (const digest of digests)
      await world.db
        .insertInto("catalogs")
        .values({ digest, content, source: "test", loaded_by: "test", loaded_at: world.clock.now() })
        .execute();
    await world.db
      .insertInto("catalog_in_force")
      .values({ id: 1, digest: "now", since: world.clock.now() })
      .execute();
    const erase = () =>
      world.database.tx((tx) => eraseFromOldCatalogs(tx, { team: "T0LOCAL", person: "U0LEAD" }));
    expect([await erase(), await erase()]).toEqual([
      { changed: 1, isNamedNow: true },
      { changed: 0, isNamedNow: true },
    ]);
    const rows = await world.db
      .selectFrom("catalogs")
      .select(["digest", "content"])
      .orderBy("digest")
      .execute();
    const of = (digest: string) => JSON.stringify(rows.find((row) => row.digest === digest)?.content);
    expect(of("before")).not.toMatch(/Lena|lena@/);
    expect(of("before")).toContain("Dev Dara");
    expect(of("now")).toContain("Lena Lind");
  });
});
