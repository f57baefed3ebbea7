import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Catalog } from "../../../src/catalog/schema.ts";
import { placeOf, versionShown } from "../../../src/features/deploys/place.ts";
import { type HookRoom, startHookRoom } from "../alerts/hook-room.ts";

let room: HookRoom;
beforeAll(async () => {
  room = await startHookRoom(
    (catalog) => {
      for (const service of catalog.services) {
        service.repositories = [`acme/${service.name}`];
        service.environments = ["production", "staging"];
      }
      catalog.hookSources.push(
        { name: "github", kind: "github", team: "storefront" },
        { name: "events", kind: "cloudevents", team: "storefront", defaultEnvironment: "staging" },
      );
    },
    () => Promise.reject(new Error("nothing is fetched here")),
  );
});
afterAll(() => room.close());

const github = async (event: string, body: object, id: string) => {
  const headers = { "x-github-event": event, "x-github-delivery": id };
  await room.post(
    "github",
    { repository: { full_name: "acme/payments" }, sender: { login: "dana" }, ...body },
    headers,
  );
  await room.work();
};
const deployment = {
  id: 7,
  sha: "f95f852b",
  environment: "Production",
  creator: { login: "dana" },
  created_at: "2026-03-02T09:59:00Z",
};
const status = (state: string) => ({
  deployment,
  deployment_status: { state, created_at: "2026-03-02T10:00:00Z" },
});
const recorded = () => room.deploys.recentChanges(["payments"], new Date(0));

describe("a deploy told by a hook", () => {
  it("is recorded when it begins and judged when it ends, once, however its news come", async () => {
    await github("deployment", { action: "created", deployment }, "1");
    expect(await recorded()).toMatchObject([
      {
        version: "f95f852b",
        environment: "production",
        outcome: "unknown",
        by: "dana",
        source: "github",
        at: new Date("2026-03-02T09:59:00Z"),
      },
    ]);
    await github("deployment_status", status("success"), "2");
    await github("deployment_status", status("in_progress"), "3");
    await github("deployment_status", status("success"), "2");
    expect(await recorded()).toMatchObject([{ id: "D-1", outcome: "good" }]);
  });

  it("by its pipeline as well is still one", async () => {
    const run = {
      id: 1,
      name: "Deploy",
      head_sha: "f95f852b",
      status: "completed",
      conclusion: "success",
      updated_at: "2026-03-02T10:00:00Z",
    };
    await github("workflow_run", { action: "completed", workflow_run: run }, "4");
    expect(await recorded()).toHaveLength(1);
  });

  it("is recorded a second time when the version goes out again later", async () => {
    room.clock.advance(3_600_000);
    const later = { ...deployment, id: 8, created_at: "2026-03-02T11:00:00Z" };
    await github("deployment", { action: "created", deployment: later }, "5");
    expect(await recorded()).toHaveLength(2);
  });

  it("reaches the source's environment, and settings and flags beside versions", async () => {
    const event = (id: string, type: string, data: object) =>
      room.post("events", { specversion: "1.0", source: "/flags", id, type, data });
    await event("1", "dev.quarterdeck.flag", { service: "shop", version: "new_cart on", by: "<!channel>" });
    await event("2", "dev.quarterdeck.config", {
      repository: "acme/shop",
      version: "pool=50",
      environment: "production",
    });
    await room.work();
    expect(await room.deploys.recentChanges(["shop"], new Date(0))).toMatchObject([
      { change: "config", version: "pool=50", environment: "production", by: "events" },
      { change: "flag", version: "new_cart on", environment: "staging" },
    ]);
  });

  it("of no service is kept, and said on one message with what to do", async () => {
    for (const id of ["6", "7"])
      await github("deployment", { deployment, repository: { full_name: "acme/<unknown>" } }, id);
    await github("deployment", { deployment: { ...deployment, environment: "preview-12" } }, "8");
    const said = await room.said("deploy-unplaced:%");
    expect(said).toHaveLength(1);
    expect(said[0]).toContain("no service has the repository acme/&lt;unknown&gt; (2 times)");
    expect(said[0]).toContain('payments has no environment \\"preview-12\\"');
    expect(said[0]).toContain("repositories: [owner/name]");
  });
});

describe("the place of a deploy", () => {
  const service = (name: string, repositories: string[], environments?: string[]) => ({
    name,
    repositories,
    environments,
  });
  const catalog = {
    organisation: { defaultEnvironment: "production" },
    services: [
      service("api-service", ["acme/mono"]),
      service("shop", ["Acme/Shop", "acme/mono"], ["live", "test"]),
    ],
    hookSources: [{ name: "ci", defaultEnvironment: "test" }],
  } as unknown as Catalog;

  it.each([
    [
      { service: "shop", repository: null, environment: null },
      { service: "shop", environment: "live" },
    ],
    [
      { service: "API Service", repository: null, environment: null },
      { service: "api-service", environment: "production" },
    ],
    [
      { service: "nobody", repository: "acme/shop", environment: "TEST" },
      { service: "shop", environment: "test" },
    ],
    [
      { service: null, repository: "acme/mono", environment: null },
      { problem: "acme/mono is the repository of api-service, shop" },
    ],
    [
      { service: "nobody", repository: null, environment: null },
      { problem: 'no service is called "nobody"' },
    ],
    [
      { service: "shop", repository: null, environment: "moon" },
      { problem: 'shop has no environment "moon"; it has live, test' },
    ],
  ])("of %j is %j", (event, place) => {
    expect(placeOf(catalog, "github", event)).toEqual(place);
  });

  it.each([
    ["v42", "v42"],
    ["f95f852bd8fca8fcc58a9a2d6c842781e32a215e", "f95f852bd8fc"],
    [`sha256:${"0b31".repeat(16)}`, "sha256:0b310b310b31"],
    ["279484c0", "279484c0"],
  ])("has version %s as %s", (version, shown) => {
    expect(versionShown(version)).toBe(shown);
  });

  it("is in the source's environment when none is named", () => {
    expect(placeOf(catalog, "ci", { service: "shop", repository: null, environment: null })).toMatchObject({
      environment: "test",
    });
  });
});
