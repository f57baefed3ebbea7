import { afterAll, beforeAll, expect, it } from "vitest";
import { loadCatalog } from "../../../src/catalog/load.ts";
import { readGroups, tellGroupChange } from "../../../src/features/trail/groups.ts";
import type { Wanted } from "../../../src/platform/messages/say.ts";
import type { Platform } from "../../../src/platform/platform.ts";
import { groupChangeEvent, noteGroupRead } from "../../../src/platform/slack/group-changes.ts";
import { createUsergroups } from "../../../src/platform/slack/usergroups.ts";
import { type TestDatabase, testDatabase } from "../../support/database.ts";

let world: TestDatabase;
beforeAll(async () => {
  world = await testDatabase({ [groupChangeEvent]: [{ job: "trail.tell-group", lane: "normal" }] });
});
afterAll(() => world.close());

const audited = async () =>
  (
    await world.db
      .selectFrom("audit")
      .select(["subject", "person", "body"])
      .where("action", "=", "group.changed")
      .orderBy("seq")
      .execute()
  ).map(({ subject, person, body }) => ({
    subject,
    person,
    ...(JSON.parse(body) as { detail: { added: string[]; removed: string[] } }).detail,
  }));

it("audits who was added and removed between two reads, and tells the leads of the group's teams, once", async () => {
  const read = (users: string[], atMs = 0) =>
    noteGroupRead(world.database, {
      team: "T0LOCAL",
      group: "S0SHOP",
      users,
      readAt: new Date(world.clock.now().getTime() + atMs),
    });
  await read(["U1", "U2"]);
  expect(await audited()).toEqual([]);
  world.clock.advance(60_000);
  await read(["U2", "U1"]);
  expect(await audited()).toEqual([]);
  await Promise.all([read(["U2", "U3"]), read(["U2", "U3"])]);
  const change = { subject: "S0SHOP", person: "quarterdeck", added: ["U3"], removed: ["U1"] };
  expect(await audited()).toEqual([expect.objectContaining(change)]);
  // A read that began before the change was seen says nothing new.
  await read(["U1", "U2"], -60_000);
  expect(await audited()).toHaveLength(1);

  const loaded = await loadCatalog("config/sample", {});
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  for (const team of loaded.catalog.teams)
    team.slackUsergroup = { T0LOCAL: team.name === "storefront" ? "S0SHOP" : "S0PAY" };
  const platform = {
    database: world.database,
    catalogs: { current: () => loaded.catalog, digest: () => loaded.digest },
    slackTeam: () => "T0LOCAL",
    publicUrl: "http://q.test",
    usergroups: createUsergroups(
      {
        call: async (_method: string, { usergroup }: { usergroup: string }) => ({
          users: usergroup === "S0SHOP" ? ["U2", "U3", "U4"] : [],
        }),
      } as never,
      world.clock,
      (seen) => void reads.push(noteGroupRead(world.database, seen)),
    ),
  } as unknown as Platform;
  const reads: Promise<void>[] = [];
  world.clock.advance(60_000);
  await readGroups(platform);
  await Promise.all(reads);
  expect((await audited())[1]).toMatchObject({ added: ["U4"], removed: [] });

  const rings = await world.db
    .selectFrom("rings")
    .select("ref")
    .where("job", "=", "trail.tell-group")
    .execute();
  expect(rings).toHaveLength(2);
  for (const { ref } of rings) await tellGroupChange(platform, ref);
  const cards = await world.db
    .selectFrom("messages")
    .select(["channel", "wanted"])
    .where("key", "like", "group:%")
    .execute();
  const texts = cards.map(
    ({ channel, wanted }) =>
      `${channel} ${(wanted as Wanted).text} ${JSON.stringify((wanted as Wanted).blocks)}`,
  );
  expect(cards).toHaveLength(2);
  const text = texts.find((one) => one.includes("U1")) ?? "";
  expect(text).toMatch(/^C0LEADS 🟠 storefront · user group changed in Slack: 1 added, 1 removed/);
  for (const part of ["<@U3>", "<@U1>", "/audit?subject=S0SHOP"]) expect(text).toContain(part);
});
