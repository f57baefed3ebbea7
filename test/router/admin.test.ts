import { readFileSync } from "node:fs";
import { stat, writeFile } from "node:fs/promises";
import { Agent } from "node:http";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readRoute } from "../../src/router/routes.ts";
import {
  get,
  putRoute,
  setRoute,
  startBackend,
  startRouterProcess,
  startTestRouter,
  temporaryFolder,
  token,
  until,
} from "./support.ts";

const backends = (percent: number) => [
  { version: "v41", url: "http://127.0.0.1:1", weight: 100 - percent },
  { version: "v42", url: "http://127.0.0.1:2", weight: percent },
];

const authorised = { headers: { authorization: `Bearer ${token}` } };

describe("the admin interface", () => {
  it("refuses whoever does not know the token, and changes nothing", async () => {
    const { adminPort } = await startTestRouter();
    const wrong = await putRoute(adminPort, "shop", { backends: backends(1) }, "guess");
    expect(wrong.status).toBe(401);
    expect(await wrong.json()).toMatchObject({ error: { code: "unauthorised" } });
    expect((await fetch(`http://127.0.0.1:${adminPort}/routes`)).status).toBe(401);
    const routes = await fetch(`http://127.0.0.1:${adminPort}/routes`, authorised);
    expect(await routes.json()).toEqual({ routes: [] });
  });

  it("answers health and metrics to anyone on the machine", async () => {
    const { adminPort } = await startTestRouter();
    expect((await fetch(`http://127.0.0.1:${adminPort}/healthz`)).status).toBe(200);
    const metrics = await fetch(`http://127.0.0.1:${adminPort}/metrics`);
    expect(metrics.headers.get("content-type")).toContain("text/plain; version=0.0.4");
  });

  it("counts revisions up, and answers a repeat with what already stands", async () => {
    const { adminPort } = await startTestRouter();
    const first = await putRoute(adminPort, "shop", { backends: backends(1), revision: 0, changedBy: "R-1" });
    const route = { service: "shop", revision: 1, backends: backends(1), changedBy: "R-1" };
    expect(await first.json()).toEqual(route);
    const repeat = await putRoute(adminPort, "shop", {
      backends: backends(1),
      revision: 0,
      changedBy: "R-1",
    });
    expect([repeat.status, await repeat.json()]).toEqual([200, route]);
    const next = await putRoute(adminPort, "shop", { backends: backends(10), revision: 1 });
    expect(await next.json()).toMatchObject({ revision: 2, changedBy: null });
    const read = await fetch(`http://127.0.0.1:${adminPort}/routes/shop`, authorised);
    expect(await read.json()).toMatchObject({ revision: 2, backends: backends(10) });
  });

  it("lets one of many that expect the same revision through, and tells the others where it stands", async () => {
    const { adminPort } = await startTestRouter();
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        putRoute(adminPort, "shop", { backends: backends(index + 1), revision: 0 }),
      ),
    );
    expect(answers.filter((answer) => answer.status === 200)).toHaveLength(1);
    const refused = answers.find((answer) => answer.status === 409);
    expect(await refused?.json()).toEqual({
      error: { code: "conflict", field: "revision", message: "shop stands at revision 1, not 0." },
    });
  });

  it.each([
    ["body", "{", 400],
    ["backends[0].weight", JSON.stringify({ backends: [{ ...backends(0)[0], weight: -1 }] }), 400],
    ["backends[].weight", JSON.stringify({ backends: [{ ...backends(0)[0], weight: 99 }] }), 400],
    [undefined, JSON.stringify({ backends: "x".repeat(70_000) }), 413],
  ])("names %s in its refusal", async (field, body, status) => {
    const { adminPort } = await startTestRouter();
    const answer = await fetch(`http://127.0.0.1:${adminPort}/routes/shop`, {
      method: "PUT",
      body,
      ...authorised,
    });
    expect(answer.status).toBe(status);
    const { error } = (await answer.json()) as { error: { field?: string; message: string } };
    expect(error.field).toBe(field);
    expect(error.message).not.toBe("");
  });

  it("says 404 for a route or address that does not exist", async () => {
    const { adminPort } = await startTestRouter();
    for (const path of ["/routes/shop", "/other", "/routes/a/b"]) {
      expect((await fetch(`http://127.0.0.1:${adminPort}${path}`, authorised)).status).toBe(404);
    }
  });

  it("changes nothing when the route cannot be kept", async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, "file"), "");
    const stateFile = join(folder, "missing", "routes.json");
    const { adminPort } = await startTestRouter({ stateFile });
    await writeFile(join(folder, "missing"), "in the way of the folder");
    const answer = await putRoute(adminPort, "shop", { backends: backends(1) });
    expect([answer.status, await answer.json()]).toMatchObject([500, { error: { code: "not_kept" } }]);
    const routes = await fetch(`http://127.0.0.1:${adminPort}/routes`, authorised);
    expect(await routes.json()).toEqual({ routes: [] });
  });
});

describe("the state file", () => {
  it("brings weights and revision back after a restart, and is read by nobody else", async () => {
    const backend = await startBackend("v41");
    const stateFile = join(await temporaryFolder(), "state", "routes.json");
    const first = await startTestRouter({ stateFile });
    await setRoute(first.adminPort, "shop", [{ version: "v41", url: backend.url, weight: 100 }]);
    const before = await (await fetch(`http://127.0.0.1:${first.adminPort}/routes`, authorised)).json();
    await first.close();

    const second = await startTestRouter({ stateFile });
    expect((await get(second.port)).version).toBe("v41");
    const after = await fetch(`http://127.0.0.1:${second.adminPort}/routes`, authorised);
    expect(await after.json()).toEqual(before);
    expect((await stat(stateFile)).mode & 0o777).toBe(0o600);
  });

  it.each([
    ["is not JSON", "{"],
    ["is not of format 1", '{"format":2,"routes":[]}'],
    ["backends must be a list", '{"format":1,"routes":[{"service":"shop","revision":1}]}'],
  ])("stops the start and says what to do when it %s", async (message, text) => {
    const stateFile = join(await temporaryFolder(), "routes.json");
    await writeFile(stateFile, text);
    const start = startTestRouter({ stateFile });
    await expect(start).rejects.toThrow(message);
    await expect(start).rejects.toMatchObject({
      code: "router_state_unusable",
      hint: expect.stringContaining(stateFile),
    });
  });

  it("is whole at every moment, and holds every answered change, whenever the router is killed", async () => {
    const stateFile = join(await temporaryFolder(), "routes.json");
    // As large as a route may be, so that writing it takes its time.
    const large = (change: number) =>
      Array.from({ length: 32 }, (_, index) => ({
        version: `v${index}-${"x".repeat(120)}`,
        url: `http://127.0.0.1:${10_000 + index}`,
        weight: index === 0 ? change / 100 : index === 1 ? 100 - change / 100 : 0,
      }));
    // What a reader can find at any moment is what a kill at that moment would leave.
    const revisionInFile = () => {
      const { routes } = JSON.parse(readFileSync(stateFile, "utf8")) as { routes: unknown[] };
      const route = readRoute(routes[0]);
      if (!route.ok) throw new Error(`${route.field} ${route.message}`);
      return route.value.revision;
    };
    let answered = 0;
    for (let kill = 0; kill < 4; kill += 1) {
      const { adminPort, child, exited } = await startRouterProcess(stateFile);
      const killAfter = answered + 10 + 7 * kill;
      let isGone = false;
      void exited.then(() => {
        isGone = true;
      });
      const changes = (async () => {
        for (let change = answered + 1; ; change += 1) {
          const answer = await putRoute(adminPort, "shop", { backends: large(change) });
          answered = ((await answer.json()) as { revision: number }).revision;
          // Not awaited: the kill lands somewhere inside the next changes.
          if (answered >= killAfter) setImmediate(() => child.kill("SIGKILL"));
        }
      })().catch(() => undefined);
      await until(
        () => answered,
        (seen) => seen > 0,
      );
      while (!isGone) {
        for (let read = 0; read < 20; read += 1) expect(revisionInFile()).toBeGreaterThanOrEqual(answered);
        await new Promise((resolve) => setImmediate(resolve));
      }
      await changes;
      const kept = revisionInFile();
      expect(kept).toBeGreaterThanOrEqual(answered);
      expect(kept).toBeLessThanOrEqual(answered + 1);
      answered = kept;
    }
  }, 60_000);
});

describe("stopping", () => {
  it("lets requests in flight end, and ends the process", async () => {
    let finish = () => {};
    let arrived = () => {};
    const isArrived = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    const backend = await startBackend("v41", (incoming, answer) => {
      if (incoming.url !== "/slow") return void answer.end();
      finish = () => answer.end("whole");
      arrived();
    });
    const router = await startRouterProcess(join(await temporaryFolder(), "routes.json"));
    await setRoute(router.adminPort, "shop", [{ version: "v41", url: backend.url, weight: 100 }]);
    const agent = new Agent({ keepAlive: true });
    const got = get(router.port, "/slow", { agent });
    await isArrived;
    router.child.kill("SIGTERM");
    // It takes no more connections, and still waits for the one in flight.
    await until(
      () =>
        get(router.port).then(
          () => "taken",
          () => "refused",
        ),
      (seen) => seen === "refused",
    );
    finish();
    expect(await got).toMatchObject({ status: 200, body: "whole" });
    // The client would have kept its connection; the router closes it.
    expect(await router.exited).toBe(0);
  });
});
