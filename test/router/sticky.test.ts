import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createBalancer, Position } from "../../src/router/balance.ts";
import { forcedBackend, keptPlace, placeCookie, readSticky } from "../../src/router/sticky.ts";
import { get, putRoute, startBackend, startTestRouter } from "./support.ts";

const route = (...weights: number[]) =>
  weights.map((weight, index) => ({ version: `v${index}`, url: `http://127.0.0.1:${index + 1}`, weight }));
const header = { header: "x-version" };

describe("a header", () => {
  it.each([
    [[99, 1], "canary", "v1"],
    [[99, 1], "stable", "v0"],
    [[99, 1], "v1", "v1"],
    [[99, 1], "v9", undefined],
    [[99, 1], "", undefined],
    [[50, 50], "canary", "v1"],
    [[50, 50], "stable", "v0"],
    [[60, 10, 30], "canary", "v1"],
    [[100, 0], "canary", "v0"],
    [[100, 0], "v1", undefined],
    [[0, 100], "stable", "v1"],
  ])("at weights %j with %s means %s", (weights, value, version) => {
    expect(forcedBackend(route(...weights), header, { "x-version": value })?.version).toBe(version);
  });

  it("means nothing when it is another one, came twice, or none is declared", () => {
    const backends = route(99, 1);
    expect(forcedBackend(backends, header, { "x-other": "canary" })).toBeUndefined();
    expect(forcedBackend(backends, header, { "x-version": ["canary", "canary"] })).toBeUndefined();
    expect(forcedBackend(backends, undefined, { "x-version": "canary" })).toBeUndefined();
  });
});

describe("a cookie", () => {
  it.each([
    ["shop=123", 123],
    ["a=1; shop=9999; b=2", 9999],
    ["shop=0", 0],
    ["shop=10000", undefined],
    ["shop=-1", undefined],
    ["shop=1e2", undefined],
    ["shop=v42", undefined],
    ["shop", undefined],
    ["ashop=1", undefined],
    [undefined, undefined],
  ])("of %s keeps place %s", (text, place) => {
    expect(keptPlace({ cookie: "shop" }, text)).toBe(place);
    expect(keptPlace(header, text)).toBeUndefined();
  });

  it("keeps whoever is on the canary there while it grows, and moves nobody else than it needs", () => {
    const units = fc.integer({ min: 0, max: 10_000 });
    fc.assert(
      fc.property(units, units, fc.integer({ min: 0, max: 9_999 }), (a, b, place) => {
        const [before, after] = [Math.min(a, b) / 100, Math.max(a, b) / 100].map((percent) =>
          createBalancer(route((10_000 - Math.round(percent * 100)) / 100, percent), new Position(0)).at(
            place,
          ),
        );
        if (before?.version === "v1") expect(after?.version).toBe("v1");
      }),
    );
  });

  it("gives people the same shares as requests, and the same version at the same weights", () => {
    const balancer = createBalancer(route(95, 5), new Position(7));
    let canary = 0;
    for (let person = 0; person < 10_000; person += 1) {
      const { backend, place } = balancer.pick();
      expect(balancer.at(place)).toBe(backend);
      if (backend.version === "v1") canary += 1;
    }
    expect(Math.abs(canary / 100 - 5)).toBeLessThanOrEqual(0.5);
  });

  it("is for this site alone, and for TLS alone where people come by it", () => {
    expect(placeCookie("shop", 12, false)).toBe("shop=12; Path=/; Max-Age=2592000; HttpOnly; SameSite=Lax");
    expect(placeCookie("shop", 12, true)).toMatch(/; Secure$/);
  });
});

describe("reading", () => {
  it.each([
    ["sticky", "cookie"],
    ["sticky", ["a"]],
    ["sticky.path", { path: "/" }],
    ["sticky.header", { header: "" }],
    ["sticky.header", { header: "x version" }],
    ["sticky.header", { header: "Host" }],
    ["sticky.header", { header: 1 }],
    ["sticky.cookie", { cookie: "a=b" }],
    ["sticky.cookie", { cookie: "a;b" }],
  ])("refuses %s of %j", (field, input) => {
    expect(readSticky(input)).toMatchObject({ ok: false, field });
  });

  it("takes either, both or none", () => {
    expect(readSticky({ header: "X-Version", cookie: "shop" })).toEqual({
      ok: true,
      value: { header: "x-version", cookie: "shop" },
    });
    for (const none of [undefined, null, {}])
      expect(readSticky(none)).toEqual({ ok: true, value: undefined });
  });
});

describe("over HTTP", () => {
  it("keeps a person and a tester on a version until it has no share, also over a WebSocket's door", async () => {
    const [stable, canary] = [await startBackend("v41"), await startBackend("v42")];
    const router = await startTestRouter();
    const set = async (percent: number) => {
      const backends = [
        { version: "v41", url: stable.url, weight: 100 - percent },
        { version: "v42", url: canary.url, weight: percent },
      ];
      const sticky = { header: "X-Version", cookie: "shop_version" };
      const answer = await putRoute(router.adminPort, "shop", { backends, sticky });
      expect(await answer.json()).toMatchObject({ sticky: { header: "x-version", cookie: "shop_version" } });
    };
    const cookieOf = (got: Awaited<ReturnType<typeof get>>) => got.headers["set-cookie"]?.[0]?.split(";")[0];
    await set(50);
    const people = await Promise.all(Array.from({ length: 20 }, () => get(router.port)));
    const onCanary = people.find(({ version }) => version === "v42");
    const onStable = people.find(({ version }) => version === "v41");
    if (!onCanary || !onStable) throw new Error("Both versions should have had people.");
    const again = (person: typeof onCanary, more: Record<string, string> = {}) =>
      get(router.port, "/", { headers: { cookie: cookieOf(person) ?? "", ...more } });
    for (let visit = 0; visit < 5; visit += 1) {
      expect(await again(onCanary)).toMatchObject({
        version: "v42",
        headers: { "x-quarterdeck-version": "v42" },
      });
      expect((await again(onStable)).version).toBe("v41");
    }
    // Whoever has a place is given no other.
    expect((await again(onCanary)).headers["set-cookie"]).toBeUndefined();
    const tester = await get(router.port, "/", { headers: { "x-version": "canary" } });
    expect(tester).toMatchObject({ version: "v42" });
    expect(tester.headers["set-cookie"]).toBeUndefined();
    const upgrade = { connection: "Upgrade", upgrade: "websocket" };
    expect((await again(onCanary, upgrade)).version).toBe("v42");

    // Taken back: neither cookie nor header reaches it.
    await set(0);
    expect((await again(onCanary)).version).toBe("v41");
    expect((await again(onCanary, { "x-version": "v42" })).version).toBe("v41");
    expect((await get(router.port, "/", { headers: { "x-version": "canary" } })).version).toBe("v41");
    await set(100);
    expect((await again(onStable)).version).toBe("v42");
  });
});
