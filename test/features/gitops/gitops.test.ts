import { sql } from "kysely";
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import type { ManagedBy } from "../../../src/providers/traffic/contract.ts";
import { objectsAt } from "../../providers/gitops/client.ts";
import { ClusterStandIn, type StoredObject } from "../../providers/gitops/cluster.ts";
import { applied, type GitlabWorld, gitlab, revision, startHost } from "../../providers/scm/hosts.ts";
import { dev, startRoom, type TestRoom } from "../rollouts/harness.ts";

const argo: ManagedBy = { system: "argo-cd", name: "shop", namespace: "argocd" };
const sha = "9f3c1e29f3c1e29f3c1e29f3c1e29f3c1e29f3c1";
const automated = { prune: true, selfHeal: true };

let cluster: ClusterStandIn;
let application: StoredObject;
beforeEach(async () => {
  cluster = await ClusterStandIn.start();
  application = cluster.put(
    "argoproj.io/v1alpha1/applications",
    "argocd",
    "shop",
    {
      source: { repoURL: "https://git.example.com/shop.git", path: "prod" },
      syncPolicy: { automated },
    },
    { status: { sync: { revision: sha } } },
  );
});
afterEach(() => cluster.close());

/** A room whose shop is kept by Argo CD; the traffic is the real router's. */
async function managedRoom(
  owner: ManagedBy = argo,
  policy: "suspend" | "revert-commit" | "none" = "suspend",
  scmUrl = "http://127.0.0.1:9",
): Promise<TestRoom> {
  const room = await startRoom((catalog) => {
    catalog.policies.rollout.gitops = policy;
    catalog.providers.scm = [
      {
        name: "git",
        kind: "gitlab",
        host: "git.example.com",
        url: scmUrl,
        tokenEnv: "SCM_TOKEN",
        deadline: 2_000,
      },
    ];
  });
  room.world.cluster = objectsAt(cluster.url);
  room.world.engine = (real) => ({
    ...real,
    describe: async (...args) => ({ ...(await real.describe(...args)), managedBy: owner }),
    setWeight: async (...args) => ({ ...(await real.setWeight(...args)), managedBy: owner }),
    promote: async (...args) => ({ ...(await real.promote(...args)), managedBy: owner }),
    revert: async (...args) => ({ ...(await real.revert(...args)), managedBy: owner }),
  });
  return room;
}

/** Gives the version back, as what heals does: by its own hand, without a mark. */
async function putBack(room: TestRoom, weight: number) {
  const shop = room.world.catalog.services.find(({ name }) => name === "shop");
  const versions = [shop?.traffic].flat().flatMap((one) => one?.versions ?? []);
  const url = (version: string) => versions.find(({ name }) => name === version)?.url;
  const answer = await fetch(`http://127.0.0.1:${room.router.adminPort}/routes/shop`, {
    method: "PUT",
    headers: { authorization: "Bearer router-token-of-the-tests", "content-type": "application/json" },
    body: JSON.stringify({
      backends: [
        { version: "v41", url: url("v41"), weight: 100 - weight },
        { version: "v42", url: url("v42"), weight },
      ],
    }),
  });
  expect(answer.status).toBe(200);
}

async function reverted(room: TestRoom): Promise<void> {
  await room.type(dev, "rollout start shop v42");
  await room.until(["step"]);
  await room.type(dev, "rollout revert shop errors");
  await room.until(["reverted"], "R-1", 10);
}

describe("a service that Argo CD keeps as it is in Git", () => {
  it("is named in the dry run and the plan, and heals nothing for an hour after a revert, which ends by itself", async () => {
    const room = await managedRoom();
    const dry = await room.type(dev, "rollout start shop v42 --dry-run");
    const means =
      "shop is managed by Argo CD application shop in argocd: it puts the version back, so a revert stops its self-heal for 1h.";
    expect(dry.text).toContain(means);
    expect(application.spec.syncPolicy).toEqual({ automated });
    await reverted(room);
    expect((await room.said("rollout:R-1:plan")).text).toContain(means);
    expect(application.spec.syncPolicy).toEqual({});
    const said = await room.said("gitops:R-1");
    expect(said.text).toContain("🟠 Argo CD application shop in argocd heals nothing until");
    expect(JSON.stringify(said.blocks)).toContain(
      `git revert --no-edit \\"$(git log -1 --format=%H '${sha}' -- 'prod')\\"`,
    );
    expect((await room.type(dev, "gitops list")).text).toContain("(R-1)");
    room.clock.advance(59 * 60_000);
    await room.drain();
    expect(application.spec.syncPolicy).toEqual({});
    room.clock.advance(61_000);
    await room.drain();
    expect(application.spec.syncPolicy).toEqual({ automated });
    expect((await room.said("gitops:R-1")).text).toContain("heals again since");
    expect((await room.audited("R-1")).filter((action) => action.startsWith("gitops."))).toEqual([
      "gitops.stopped",
      "gitops.resumed",
    ]);
    expect(room.pages).toEqual([]);
  });

  it("is reverted without waiting for a cluster that refuses; a person ends a stop before its time", async () => {
    const room = await managedRoom();
    cluster.refusal = {
      code: 403,
      reason: "Forbidden",
      message:
        'applications.argoproj.io "shop" is forbidden: User "quarterdeck" cannot patch resource "applications"',
    };
    await reverted(room);
    expect(await room.weights()).toEqual({ v41: 100 });
    const said = await room.said("gitops:R-1");
    expect(said.text).toContain(
      "is not stopped: it may put the version back. Quarterdeck may not patch applications (argoproj.io) in the namespace argocd",
    );
    expect(JSON.stringify(said.blocks)).toContain("kubectl -n 'argocd' patch application 'shop'");
    cluster.refusal = undefined;
    await room.pass(10);
    expect(application.spec.syncPolicy).toEqual({});
    expect((await room.type(dev, "gitops resume R-1 reverted in Git")).text).toContain(
      "heals again in a moment",
    );
    await room.drain();
    expect(application.spec.syncPolicy).toEqual({ automated });
    expect((await room.type(dev, "gitops resume R-1")).ok).toBe(false);
  });

  it("stays stopped for a second revert of it, also where that died before it noted the stop", async () => {
    const room = await managedRoom();
    await reverted(room);
    room.clock.advance(30 * 60_000);
    await room.type(dev, "rollout start shop v42");
    await room.until(["step"], "R-2");
    await room.type(dev, "rollout revert shop errors");
    await room.until(["reverted"], "R-2", 10);
    expect(application.metadata.annotations?.["quarterdeck.dev/self-heal-stopped"]).toContain(
      "quarterdeck R-2",
    );
    await sql`update gitops_stops set stopped_at = null where thing = 'R-2'`.execute(room.database.db);
    await sql`delete from rings where job = 'gitops.stop'`.execute(room.database.db);
    room.clock.advance(31 * 60_000);
    await room.drain();
    expect(application.spec.syncPolicy).toEqual({});
    expect((await room.said("gitops:R-1")).text).toContain("stays stopped for another revert, which ends it");
    room.clock.advance(31 * 60_000);
    await room.drain();
    expect(application.spec.syncPolicy).toEqual({ automated });
  });

  it("stays stopped for another revert that lasts longer, when a person ends the last one", async () => {
    const room = await managedRoom();
    await reverted(room);
    room.world.catalog.policies.rollout.suspendFor = 20 * 60_000;
    await room.type(dev, "rollout start shop v42");
    await room.until(["step"], "R-2");
    await room.type(dev, "rollout revert shop errors");
    await room.until(["reverted"], "R-2", 10);
    await room.type(dev, "gitops resume R-2");
    await room.drain();
    expect(application.spec.syncPolicy).toEqual({});
    expect((await room.said("gitops:R-2")).text).toContain("stays stopped for another revert, which ends it");
    room.clock.advance(61 * 60_000);
    await room.drain();
    expect(application.spec.syncPolicy).toEqual({ automated });
  });

  it("wakes a person when it cannot be turned on again, and goes on trying", async () => {
    const room = await managedRoom();
    await reverted(room);
    room.world.cluster = objectsAt("http://127.0.0.1:9");
    room.clock.advance(60 * 60_000);
    await room.pass(30);
    expect(room.pages).toEqual([]);
    await room.pass(45);
    expect(room.pages[0]).toMatchObject({
      team: "storefront",
      dedupKey: "gitops:R-1:stuck",
      headline: expect.stringContaining("was stopped for R-1 and cannot be turned on again"),
    });
    room.world.cluster = objectsAt(cluster.url);
    await room.pass(35);
    expect(application.spec.syncPolicy).toEqual({ automated });
    expect(room.resolved).toEqual(["gitops:R-1:stuck"]);
  });

  it("has the revert of its commit proposed in Git where policy says so, once Git is there", async () => {
    const world: GitlabWorld = {
      branches: new Map([["main", "a".repeat(40)]]),
      requests: [],
      isConflicting: false,
    };
    let isAway = true;
    const git = await startHost((asked) =>
      isAway ? { status: 503, json: { message: "maintenance" } } : gitlab(world)(asked),
    );
    onTestFinished(() => git.close());
    Object.assign(application, {
      spec: {
        ...application.spec,
        source: { repoURL: "https://git.example.com/acme/prod/fleet.git", path: "./prod/a b/" },
      },
      // The branch's head: somebody else's commit, most of the time.
      status: { sync: { revision: applied } },
    });
    const room = await managedRoom(argo, "revert-commit", git.url);
    expect((await room.type(dev, "rollout start shop v42 --dry-run")).text).toContain(
      "so a revert stops its self-heal for 1h and proposes the revert in Git",
    );
    await reverted(room);
    expect(application.spec.syncPolicy).toEqual({});
    const said = async () => JSON.stringify((await room.said("gitops:R-1")).blocks);
    expect(await said()).toContain("could not be proposed in Git: GitLab refused");
    expect(await said()).toContain("It is tried again.");
    expect(await said()).toContain(
      `git revert --no-edit \\"$(git log -1 --format=%H '${applied}' -- 'prod/a b')\\"`,
    );
    isAway = false;
    await room.pass(5);
    expect(world.requests).toMatchObject([{ source_branch: "quarterdeck/revert-R-1" }]);
    expect(await said()).toContain(
      "The revert in Git is proposed: <https://gitlab.com/acme/prod/fleet/-/merge_requests/7",
    );
    expect(await said()).toContain("Look at it, then merge it, and the revert lasts.");
    expect(git.requests.map(({ path }) => path)).toContain(
      `/api/v4/projects/acme/prod/fleet/repository/commits/${revision}/revert`,
    );
    expect(await said()).not.toContain("git revert --no-edit");
    expect(await room.audited("R-1")).toContain("gitops.proposed");
  });

  it("has it proposed also after half an hour in which Git is away, and when Git asks to be left alone", async () => {
    const world: GitlabWorld = {
      branches: new Map([["main", revision]]),
      requests: [],
      isConflicting: false,
    };
    let away: ReturnType<typeof gitlab> | undefined = () => ({ status: 503, json: {} });
    const git = await startHost((asked) => (away ?? gitlab(world))(asked));
    onTestFinished(() => git.close());
    Object.assign(application, {
      spec: { ...application.spec, source: { repoURL: "https://git.example.com/acme/prod/fleet.git" } },
      status: { sync: { revision } },
    });
    const room = await managedRoom(argo, "revert-commit", git.url);
    await reverted(room);
    const later = async (seconds: number) => {
      room.clock.advance(seconds * 1_000);
      await room.drain();
      return git.requests.length;
    };
    for (let minutes = 0; minutes < 30; minutes += 5) await later(300);
    const said = async () => JSON.stringify((await room.said("gitops:R-1")).blocks);
    expect(await said()).toContain("It is tried again.");
    away = () => ({ status: 429, json: {}, headers: { "retry-after": "600" } });
    const asked = await later(300);
    expect(await later(500)).toBe(asked);
    away = undefined;
    await later(100);
    expect(world.requests).toHaveLength(1);
    expect(await said()).toContain("The revert in Git is proposed");
  });

  it("has nothing proposed in Git any more once the stop is over", async () => {
    const git = await startHost(() => ({ status: 503, json: {} }));
    onTestFinished(() => git.close());
    Object.assign(application, {
      spec: { ...application.spec, source: { repoURL: "https://git.example.com/acme/prod/fleet.git" } },
      status: { sync: { revision } },
    });
    const room = await managedRoom(argo, "revert-commit", git.url);
    await reverted(room);
    for (let minutes = 0; minutes < 65; minutes += 5) {
      room.clock.advance(300_000);
      await room.drain();
    }
    expect(await room.audited("R-1")).toContain("gitops.not-proposed");
    const asked = git.requests.length;
    room.clock.advance(3_600_000);
    await room.drain();
    expect(git.requests).toHaveLength(asked);
  });

  it("has nothing proposed in Git where no commit touches what Argo CD applies", async () => {
    const git = await startHost(gitlab({ branches: new Map(), requests: [], isConflicting: false }));
    onTestFinished(() => git.close());
    Object.assign(application, {
      spec: {
        ...application.spec,
        source: { repoURL: "https://git.example.com/acme/prod/fleet.git", path: "staging" },
      },
      status: { sync: { revision: applied } },
    });
    const room = await managedRoom(argo, "revert-commit", git.url);
    await reverted(room);
    await room.pass(5);
    expect(JSON.stringify((await room.said("gitops:R-1")).blocks)).toContain(
      "The revert could not be proposed in Git: no commit up to dddddddddddd touches staging.",
    );
    expect(git.requests.filter(({ method }) => method !== "GET")).toEqual([]);
  });

  it("is left alone where policy says so, and Helm heals nothing", async () => {
    for (const owner of [argo, { system: "helm", name: "shop", namespace: "prod" } as const]) {
      const room = await managedRoom(owner, owner.system === "argo-cd" ? "none" : "suspend");
      const dry = await room.type(dev, "rollout start shop v42 --dry-run");
      expect(dry.text).toContain(
        owner.system === "helm"
          ? "shop is managed by Helm release shop in prod: its next upgrade sets what the chart says"
          : "it puts the version back after a revert; revert in Git as well",
      );
      await reverted(room);
      expect(application.spec.syncPolicy).toEqual({ automated });
      expect((await room.type(dev, "gitops list")).text).toContain("Nothing that heals by itself is stopped");
    }
  });
});

describe("a version that is put back after its revert", () => {
  it("is a failed revert: said, paged, stopped once more and taken back from what heals, three times", async () => {
    const room = await managedRoom();
    await reverted(room);
    for (let time = 1; time <= 3; time += 1) {
      // As an ApplicationSet does that declares it.
      cluster.edit(application, { syncPolicy: { automated } });
      await putBack(room, 10);
      await room.pass(12);
      expect(await room.weights()).toEqual({ v41: 100 });
      expect(application.spec.syncPolicy).toEqual({});
      expect((await room.said("gitops:R-1")).text).toContain(
        `It was turned on again by something else ${["once", "twice", "3 times"][time - 1]}, and stopped again.`,
      );
    }
    expect((await room.audited("R-1")).filter((action) => action.startsWith("gitops."))).toEqual([
      "gitops.stopped",
      "gitops.stopped-again",
      "gitops.stopped-again",
      "gitops.stopped-again",
    ]);
    // One page while it stands, whatever is taken back meanwhile.
    expect(room.pages).toHaveLength(1);
    expect(room.pages[0]).toMatchObject({
      team: "storefront",
      dedupKey: "rollout:R-1:put-back",
      headline:
        "PAGE shop: the revert of R-1 v41 → v42 did not hold: v42 has 10 % again, probably by what manages it",
    });
    await room.pass(12);
    expect(room.resolved).toContain("rollout:R-1:put-back");
    await putBack(room, 20);
    await room.pass(12);
    expect(await room.weights()).toEqual({ v41: 80, v42: 20 });
    expect((await room.said("rollout:R-1")).text).toContain(
      "🔴 shop · rollout R-1 v41 → v42 · the revert did not hold: v42 has 20 % again",
    );
  });

  it("says that it is not stopped where it is turned on again at once, and stops it once that ends", async () => {
    const room = await managedRoom();
    await reverted(room);
    cluster.after = (object) => cluster.edit(object, { syncPolicy: { automated } });
    cluster.edit(application, { syncPolicy: { automated } });
    await putBack(room, 10);
    await room.pass(12);
    expect((await room.said("gitops:R-1")).text).toContain(
      "is not stopped: it may put the version back. Argo CD application shop was turned on again at once",
    );
    cluster.after = undefined;
    await room.pass(12);
    expect(application.spec.syncPolicy).toEqual({});
    expect((await room.said("gitops:R-1")).text).toContain("heals nothing until");
    // Where the cluster refuses it later, what carries our mark is still begun again at the end.
    cluster.edit(application, { syncPolicy: { automated } });
    cluster.refusal = { code: 403, reason: "Forbidden", message: "cannot patch resource" };
    await putBack(room, 10);
    await room.pass(11 * 60);
    cluster.refusal = undefined;
    cluster.edit(application, { syncPolicy: { automated: null } });
    room.clock.advance(60 * 60_000);
    await room.drain();
    expect(application.spec.syncPolicy).toEqual({ automated });
  });

  it("has what manages it stopped also where that could not be read at the start", async () => {
    const room = await managedRoom();
    const managed = room.world.engine;
    room.world.engine = (real) => real;
    await room.type(dev, "rollout start shop v42");
    await room.until(["step"]);
    room.world.engine = managed;
    expect((await room.said("rollout:R-1:plan")).text).not.toContain("Argo CD");
    await room.type(dev, "rollout revert shop errors");
    await room.until(["reverted"], "R-1", 10);
    expect(application.spec.syncPolicy).toEqual({});
  });

  it("pages and is left where nobody manages it: a person is not fought; later it is nobody's business", async () => {
    const room = await startRoom();
    await reverted(room);
    await putBack(room, 30);
    await room.pass(12);
    expect(await room.weights()).toEqual({ v41: 70, v42: 30 });
    expect(room.pages.map(({ dedupKey }) => dedupKey)).toEqual(["rollout:R-1:put-back"]);
    await putBack(room, 0);
    await room.pass(12);
    expect(room.resolved).toEqual(["rollout:R-1:put-back"]);
    expect((await room.said("rollout:R-1")).text).toContain("⚫ shop · rollout R-1 v41 → v42 · reverted");
    room.clock.advance(10 * 60_000);
    await room.drain();
    await putBack(room, 30);
    await room.pass(12);
    expect(room.pages).toHaveLength(1);
  });

  it("stays said and paged past the ten minutes, and is over once the page's button has taken it away", async () => {
    const room = await startRoom();
    await room.database.tx(async (tx) => {
      for (const version of ["v44", "v41"])
        await room.deploys.record(tx, {
          service: "shop",
          environment: "production",
          version,
          by: "ci",
          source: "ci",
          reference: version,
          outcome: "good",
          at: new Date(tx.now.getTime() - (version === "v44" ? 7_200_000 : 3_600_000)),
        });
    });
    await reverted(room);
    await putBack(room, 10);
    await room.pass(12);
    room.clock.advance(11 * 60_000);
    await room.drain();
    expect((await room.said("rollout:R-1")).text).toContain("did not hold");
    expect(room.resolved).toEqual([]);

    const line = room.pages[0]?.verbs?.[0]?.line ?? "";
    expect((await room.type(dev, line)).text).toContain("v41 → v41");
    expect((await room.type(dev, `${line} --yes`)).ok).toBe(true);
    await room.drain();
    await room.pass(12);
    expect(await room.weights()).toMatchObject({ v41: 100 });
    expect(room.resolved).toEqual(["rollout:R-1:put-back"]);
    expect((await room.said("rollout:R-1")).text).toContain("⚫ shop · rollout R-1 v41 → v42 · reverted");
    expect((await room.deploys.current("shop", "production"))?.version).toBe("v41");
    const good = await room.deploys.good("shop", "production");
    expect(good[0]?.version).toBe("v41");
  });

  it("is so after a rollback of a finished deploy as well", async () => {
    const room = await managedRoom();
    await room.type(dev, "rollout start shop v42");
    await room.until(["promoted"]);
    expect((await room.type(dev, "rollback shop")).text).toContain(
      "shop is managed by Argo CD application shop in argocd",
    );
    expect((await room.type(dev, "rollback shop --yes")).ok).toBe(true);
    await room.drain();
    expect(await room.weights()).toEqual({ v41: 100 });
    expect(application.spec.syncPolicy).toEqual({});
    expect((await room.said("gitops:R-2")).text).toContain("heals nothing until");
    cluster.edit(application, { syncPolicy: { automated } });
    await putBack(room, 50);
    await room.pass(12);
    expect(application.spec.syncPolicy).toEqual({});
    expect((await room.said("gitops:R-2")).text).toContain("turned on again by something else once");
    expect(room.pages.map(({ dedupKey }) => dedupKey)).toEqual(["rollback:R-2:put-back"]);
    expect(room.pages[0]?.headline).toContain("the rollback R-2 v42 → v41 did not hold: v42 has 50 % again");
    expect(await room.weights()).toEqual({ v41: 100 });
    await room.pass(12);
    expect(room.resolved).toEqual(["rollback:R-2:put-back"]);
  });
});
