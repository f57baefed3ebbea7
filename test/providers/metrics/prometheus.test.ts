import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Secret } from "../../../src/platform/secret.ts";
import { createPrometheusProvider } from "../../../src/providers/metrics/prometheus.ts";
import { PrometheusApi } from "../../../src/providers/metrics/prometheus-api.ts";
import { startPrometheus, type TestPrometheus } from "../../support/prometheus.ts";
import { requireService } from "../../support/services.ts";
import { at, storyText } from "./story.ts";

const binary = requireService("prometheus");
const rate = { kind: "rate", counter: { metric: "requests_total", labels: {} } } as const;

describe.runIf(binary)("a real Prometheus", () => {
  let server: TestPrometheus;
  const provider = (deadlineMs = 20_000) => createPrometheusProvider({ url: `${server.url}/`, deadlineMs });

  beforeAll(async () => {
    server = await startPrometheus(binary ?? "", { backfill: storyText({ v41: "a:1", v42: "b:1" }) });
  });
  afterAll(async () => {
    await server?.stop();
  });

  it("answers an expression of the catalog, with window and labels put in", async () => {
    const promql = { value: "sum(rate(requests_total{$labels}[$window]))" };
    const options = { at: at(70), windowSec: 600, labels: { service: "shop", version: "v42" } };
    const [reading] = await provider().instant({ ...rate, promql }, options);
    const [plain] = await provider().instant(rate, options);
    expect(reading).toMatchObject({ samples: null, newestSampleAt: null, reason: null });
    expect(reading?.value).toBeCloseTo(plain?.value ?? Number.NaN, 6);
    const counts = {
      bad: 'sum by (version) (increase(requests_total{code="500",$labels}[$window]))',
      total: "sum by (version) (increase(requests_total{$labels}[$window]))",
    };
    const ratio = { kind: "ratio", total: rate.counter, promql: counts } as const;
    const byVersion = await provider().instant(ratio, {
      at: at(110),
      windowSec: 600,
      by: "version",
      labels: { service: "shop" },
    });
    expect(byVersion.map(({ group }) => group)).toEqual(["v41", "v42"]);
    expect(byVersion[1]?.value).toBeGreaterThan(0.2);
  });

  it("counts by expressions, with the range written as names of recording rules have it", async () => {
    const promql = {
      total: "sum(increase(requests_total{$labels}[$range]))",
      bad: 'sum(increase(requests_total{code="500",$labels}[$window]))',
    };
    const span = { from: at(100), to: at(110), labels: { service: "shop" } };
    const counted = await provider().counts({ kind: "expression", promql }, span);
    const [bin] = counted.bins;
    expect(bin).toMatchObject({ from: at(100), to: at(110), bad: expect.closeTo(60 + 2, -1) });
    expect(counted).toMatchObject({ oldestSampleAt: null, invalid: null });
    const spans = await provider().spans({ kind: "expression", promql }, { ...span, spansSec: [600, 7_200] });
    expect(spans.spans[0]?.counts?.total).toBeCloseTo(bin?.total ?? Number.NaN, 6);
    expect(spans.spans[1]?.counts?.total).toBeGreaterThan(bin?.total ?? Number.NaN);
    const odd = { total: promql.total, bad: `${promql.bad} / 0 * 0` };
    expect(await provider().counts({ kind: "expression", promql: odd }, span)).toMatchObject({
      bins: [],
      invalid: expect.stringContaining("no number"),
    });
    const oddSpans = await provider().spans(
      { kind: "expression", promql: odd },
      { ...span, spansSec: [600] },
    );
    expect(oddSpans.spans).toMatchObject([{ counts: null, invalid: expect.stringContaining("no number") }]);
  });

  it("answers many questions of one moment as one, and each alone where one of them is refused", async () => {
    const asked: string[] = [];
    const counting = createPrometheusProvider({
      url: server.url,
      deadlineMs: 20_000,
      fetch: (url, init) => {
        asked.push(new URLSearchParams(String(init?.body)).get("query") ?? "");
        return fetch(url, init);
      },
    });
    const ratio = (code: string) =>
      ({ kind: "ratio", total: rate.counter, bad: { metric: "requests_total", labels: { code } } }) as const;
    const span = {
      to: at(110),
      labels: { service: "shop" },
      spansSec: [600, 5_400],
      isEstimate: true,
      withOldest: true,
    };
    const codes = ["500", "200", "404"];
    const together = await Promise.all(codes.map((code) => counting.spans(ratio(code), span)));
    expect(asked).toHaveLength(1);
    for (const [index, code] of codes.entries())
      expect(together[index]).toEqual(await counting.spans(ratio(code), span));
    expect(together[0]?.spans[0]?.counts?.bad).toBeGreaterThan(0);
    expect(together[2]?.spans[0]?.counts).toMatchObject({ bad: 0 });
    asked.length = 0;
    const broken = { kind: "expression", promql: { total: "sum(", bad: "1" } } as const;
    const [good, refused] = await Promise.allSettled([
      counting.spans(ratio("500"), span),
      counting.spans(broken, span),
    ]);
    expect(good).toEqual({ status: "fulfilled", value: together[0] });
    expect(refused).toMatchObject({ status: "rejected", reason: { code: "rejected" } });
    expect(asked).toHaveLength(3);
  });

  it("says no traffic or no data for NaN, and drops it from a series", async () => {
    const promql = {
      value: "sum(rate(requests_total[$window])) / 0 - sum(rate(requests_total[$window])) / 0",
    };
    expect(await provider().instant({ ...rate, promql }, { at: at(70), windowSec: 600 })).toMatchObject([
      { value: null, reason: "no_data" },
    ]);
    const endless = { value: "sum(rate(requests_total[$window])) / 0" };
    expect(
      await provider().instant({ ...rate, promql: endless }, { at: at(70), windowSec: 600 }),
    ).toMatchObject([{ value: null }]);
  });

  it("refuses a question that is no PromQL, naming what to correct", async () => {
    const broken = provider().instant({ ...rate, promql: { value: "sum(" } }, { at: at(70), windowSec: 60 });
    await expect(broken).rejects.toMatchObject({
      name: "ProviderError",
      code: "rejected",
      message: expect.stringContaining("parse error"),
    });
    const clash = provider().instant(
      { ...rate, promql: { value: "requests_total * on (service) requests_total" } },
      { at: at(70), windowSec: 60 },
    );
    await expect(clash).rejects.toMatchObject({
      code: "rejected",
      message: expect.stringContaining("HTTP 422"),
    });
  });

  it("gives up at its deadline", async () => {
    await expect(provider(1).instant(rate, { at: at(70), windowSec: 600 })).rejects.toMatchObject({
      code: "timeout",
    });
    await expect(
      provider().instant(rate, { at: at(70), windowSec: 600, signal: AbortSignal.abort() }),
    ).rejects.toMatchObject({ code: "timeout" });
  });
});

describe("what other servers answer", () => {
  let answer: (request: IncomingMessage, response: ServerResponse, body: string) => void;
  let url = "";
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk) => (body += chunk));
    request.on("end", () => answer(request, response, body));
  });
  const json = (status: number, body: unknown) => {
    answer = (_request, response) =>
      void response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  };
  const ask = () =>
    new PrometheusApi({ url, deadlineMs: 5_000, token: new Secret("t0ken") }).query("up", at(0));

  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/prefix`;
  });
  afterAll(async () => {
    server.closeAllConnections();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  });

  it("is asked with token, time and a limit below our deadline", async () => {
    let asked = { url: "", token: "", body: "" };
    answer = (request, response, body) => {
      asked = { url: request.url ?? "", token: request.headers.authorization ?? "", body };
      response.end('{"status":"success","data":{"resultType":"vector","result":[]}}');
    };
    expect(await ask()).toEqual({ series: [], warnings: [] });
    expect(asked).toEqual({
      url: "/prefix/api/v1/query",
      token: "Bearer t0ken",
      body: `query=up&time=${at(0).getTime() / 1000}.000&timeout=4500ms`,
    });
  });

  it("is marked partial when it warns, so that no gate passes on it", async () => {
    const value = (labels: object, number: string) => ({
      metric: labels,
      value: [at(0).getTime() / 1000, number],
    });
    json(200, {
      status: "success",
      warnings: ["store 3 is down"],
      data: { resultType: "vector", result: [value({}, "60")] },
    });
    const [reading] = await createPrometheusProvider({ url, deadlineMs: 5_000 }).instant(rate, {
      at: at(0),
      windowSec: 60,
    });
    expect(reading?.partial).toBe("Prometheus warns: store 3 is down");
  });

  it("reads +Inf and -Inf, and leaves NaN out", async () => {
    const values = [
      [1, "+Inf"],
      [2, "NaN"],
      [3, "-Inf"],
      [4, "1e3"],
    ];
    json(200, { status: "success", data: { resultType: "matrix", result: [{ metric: {}, values }] } });
    expect((await ask()).series[0]?.points).toEqual([
      { atMs: 1_000, value: Number.POSITIVE_INFINITY },
      { atMs: 3_000, value: Number.NEGATIVE_INFINITY },
      { atMs: 4_000, value: 1_000 },
    ]);
  });

  it("is told apart by what can be done about it", async () => {
    for (const [status, error, code] of [
      [400, "bad_data", "rejected"],
      [422, "many-to-many", "rejected"],
      [401, "", "unauthorised"],
      [403, "", "unauthorised"],
      [404, "", "not_found"],
      [503, "query timed out in expression evaluation", "timeout"],
      [499, "canceled", "timeout"],
      [503, "Service Unavailable", "unreachable"],
      [500, "internal", "unreachable"],
      [429, "", "unreachable"],
    ] as const) {
      json(status, { status: "error", errorType: "x", error });
      await expect(ask(), `${status}`).rejects.toMatchObject({
        name: "ProviderError",
        code,
        message: expect.stringContaining(`HTTP ${status}`),
      });
    }
  });

  it("that is no Prometheus, or nothing at all, is said so; the token is not repeated", async () => {
    answer = (_request, response) => void response.end("<html>hello</html>");
    const error = await ask().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "rejected", message: expect.stringContaining("no Prometheus") });
    expect(String(error) + JSON.stringify(error)).not.toContain("t0ken");
    await expect(
      new PrometheusApi({ url: "http://127.0.0.1:1", deadlineMs: 5_000 }).query("up", at(0)),
    ).rejects.toMatchObject({ code: "unreachable" });
  });
});
