import { describe, expect, it, onTestFinished } from "vitest";
import { readFault } from "../../../src/sandbox/shop/fault.ts";
import { startShop } from "../../../src/sandbox/shop/shop.ts";
import { shopVersions } from "../../../src/sandbox/shop/versions.ts";
import { startProcess } from "./support.ts";

/** A shop in which every hundredth part of chance comes up in turn: shares are exact, nothing is left to luck. */
async function openShop(fault = { errorRatio: 0, delayMs: 0 }) {
  let turn = 0;
  // Two draws a request, one for the error and one for the time: both see 0, 0.01, 0.02 …
  const random = () => (Math.floor(turn++ / 2) % 100) / 100;
  const shop = await startShop({ version: "v43", host: "127.0.0.1", port: 0, fault, random });
  onTestFinished(() => shop.close());
  const url = `http://127.0.0.1:${shop.port}`;
  const codes = async (requests: number, path = "/") => {
    const answers = await Promise.all(Array.from({ length: requests }, () => fetch(`${url}${path}`)));
    return answers.filter((answer) => answer.status === 500).length;
  };
  const metric = async (line: string) => {
    const text = await (await fetch(`${url}/metrics`)).text();
    return Number(
      text
        .split("\n")
        .find((one) => one.startsWith(`${line} `))
        ?.slice(line.length),
    );
  };
  const setFault = (body: unknown, headers: Record<string, string> = {}) =>
    fetch(`${url}/fault`, {
      method: "POST",
      body: JSON.stringify(body),
      headers: { "content-type": "application/json", ...headers },
    });
  return { url, codes, metric, setFault };
}

describe("the shop", () => {
  it("says its version and that it is well", async () => {
    const { url } = await openShop();
    expect(await (await fetch(`${url}/version`)).json()).toEqual({ version: "v43" });
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    expect((await fetch(`${url}/nowhere`)).status).toBe(404);
    expect((await fetch(url, { method: "POST" })).status).toBe(405);
  });

  it("fails the share of requests it is told to, and counts what it answered", async () => {
    const { codes, metric } = await openShop({ errorRatio: 0.3, delayMs: 0 });
    expect(await codes(100, "/checkout")).toBe(30);
    expect(await metric('http_requests_total{code="500"}')).toBe(30);
    expect(await metric('http_requests_total{code="200"}')).toBe(70);
    expect(await metric("orders_total")).toBe(70);
    expect(await metric('http_request_duration_seconds_bucket{le="+Inf"}')).toBe(100);
    expect(await metric("shop_inflight_requests")).toBe(0);
    expect(await metric("process_resident_memory_bytes")).toBeGreaterThan(0);
  });

  it("has its error series before the first error", async () => {
    const { metric } = await openShop();
    expect(await metric('http_requests_total{code="500"}')).toBe(0);
  });

  it("answers later by the delay it is told", async () => {
    const { codes, metric } = await openShop({ errorRatio: 0, delayMs: 150 });
    await codes(20);
    expect(await metric('http_request_duration_seconds_bucket{le="0.1"}')).toBe(0);
    expect(await metric("http_request_duration_seconds_count")).toBe(20);
  });

  it("takes faults at run time, for a time, and goes back to what it was", async () => {
    const { codes, setFault } = await openShop();
    expect(await codes(50)).toBe(0);
    expect((await setFault({ errorRatio: 1 })).status).toBe(200);
    expect(await codes(10)).toBe(10);
    expect(await (await setFault({ errorRatio: 1, forSec: 0.05 })).json()).toMatchObject({ forSec: 0.05 });
    await expect.poll(() => codes(5), { timeout: 10_000 }).toBe(0);
  });

  it("takes no faults through a proxy or from a web page", async () => {
    const { codes, setFault } = await openShop();
    expect((await setFault({ errorRatio: 1 }, { "x-forwarded-for": "127.0.0.1" })).status).toBe(403);
    expect((await setFault({ errorRatio: 1 }, { "content-type": "text/plain" })).status).toBe(403);
    expect(await codes(10)).toBe(0);
  });
});

describe("a fault", () => {
  it.each([
    ["errorRatio", { errorRatio: 1.01 }],
    ["errorRatio", { errorRatio: -0.01 }],
    ["delayMs", { delayMs: "150" }],
    ["delayMs", { delayMs: 60_001 }],
    ["forSec", { forSec: 0 }],
    ["errorRate", { errorRate: 0.1 }],
  ])("names %s when it cannot be used (case %#)", (field, body) => {
    expect(readFault(JSON.stringify(body))).toMatchObject({
      ok: false,
      message: expect.stringContaining(field),
    });
  });

  it("is all or nothing at the borders", () => {
    expect(readFault('{"errorRatio":1,"delayMs":60000}')).toEqual({
      ok: true,
      fault: { errorRatio: 1, delayMs: 60_000 },
      forSec: null,
    });
    expect(readFault("{")).toMatchObject({ ok: false });
  });
});

describe("the processes", () => {
  it("serve a sample version, carry load, count answers by code and end cleanly", async () => {
    const shop = await startProcess("server.ts", ["--version", "v43"]);
    expect(shop.ready).toMatchObject({ version: "v43" });
    const load = await startProcess("load.ts", [
      "--url",
      `http://127.0.0.1:${shop.ready.port}`,
      "--rps",
      "300",
    ]);
    const summary = async () =>
      (await fetch(`http://127.0.0.1:${load.ready.port}/`)).json() as Promise<{
        answered: number;
        versions: Record<string, Record<string, number>>;
      }>;
    await expect.poll(async () => (await summary()).answered, { timeout: 15_000 }).toBeGreaterThan(300);

    load.child.kill("SIGTERM");
    expect(await load.exited).toBe(0);
    const last = JSON.parse(load.lines.at(-1) ?? "");
    expect(last).toMatchObject({ waiting: 0, failed: {}, skipped: 0 });
    expect(last.sent).toBe(last.answered);
    // v43 fails 30 %: far from the stable version's 0.1 %, whatever chance does.
    expect(last.versions.none["500"] / last.answered).toBeGreaterThan(0.15);
    expect(last.versions.none["500"] / last.answered).toBeLessThan(0.45);

    shop.child.kill("SIGTERM");
    expect(await shop.exited).toBe(0);
  }, 60_000);

  it("say which argument is wrong", async () => {
    await expect(startProcess("server.ts", [])).rejects.toThrow("--version");
    await expect(startProcess("server.ts", ["--version", "v1", "--error-ratio", "2"])).rejects.toThrow(
      "--error-ratio",
    );
    await expect(startProcess("load.ts", [])).rejects.toThrow("--url");
    await expect(startProcess("load.ts", ["--url", "http://127.0.0.1:1", "--rps", "x"])).rejects.toThrow(
      "--rps",
    );
  }, 60_000);
});

it("offers a stable, a good, a failing and a slow version", () => {
  expect(shopVersions.map((one) => one.version)).toEqual(["v41", "v42", "v43", "v44"]);
  expect(
    shopVersions.map(
      (one) => readFault(JSON.stringify({ errorRatio: one.errorRatio, delayMs: one.delayMs })).ok,
    ),
  ).toEqual([true, true, true, true]);
});
