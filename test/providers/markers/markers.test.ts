import { createHmac } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { markerSinkSchema } from "../../../src/catalog/marker-sinks.ts";
import { checkMarkerSink } from "../../../src/cli/doctor/markers.ts";
import { RateLimited } from "../../../src/providers/errors.ts";
import { type MarkerNotice, type MarkerSink, NotWanted } from "../../../src/providers/markers/contract.ts";
import { createMarkerSinks } from "../../../src/providers/markers/instances.ts";
import { markerEventSchema } from "../../../src/providers/markers/webhook.ts";
import { SetClock } from "../../support/database.ts";
import { type Answer, type Recorded, type StandIn, startStandIn } from "../../support/stand-in.ts";

const at = new Date("2026-11-25T12:00:00.250Z");
const secret = `whsec_${Buffer.from("thirty-two bytes of a secret....").toString("base64")}`;
const token = "glsa_token_of_the_tests";

const notice: MarkerNotice = {
  id: "5f0c7a52-7f3e-4a53-9d6a-0d6f5c8b1a11",
  kind: "step",
  service: "shop",
  environment: "production",
  version: "v42",
  from: "v41",
  percent: 10,
  thing: "R-12",
  at: "2026-11-25T11:59:58.125Z",
  url: "https://quarterdeck.example.com/console/rollouts/R-12",
};

/** What a test needs of one system: how it is declared, and what it has at the end. */
interface Bench {
  kind: string;
  declare(url: string): object;
  answer(request: Recorded): Answer;
  /** Ids of the markers it has, as often as it has them. */
  had(): string[];
  empty(): void;
  posted: Recorded["method"];
}

/** Answers as Grafana documents it, and refuses whatever it does not document. */
function grafana(): Bench {
  let kept: { id: number; tags: string[] }[] = [];
  const refused = (message: string): Answer => ({ status: 400, body: { message } });
  return {
    kind: "grafana",
    declare: (url) => ({
      name: "graphs",
      kind: "grafana",
      url: `${url}/`,
      tokenEnv: "GRAFANA_TOKEN",
      tags: ["shop-team"],
    }),
    answer({ method, path, headers, body }) {
      if (headers.authorization !== `Bearer ${token}`)
        return { status: 401, body: { message: "Unauthorized" } };
      const { pathname, searchParams } = new URL(path, "http://grafana");
      if (pathname !== "/api/annotations") return { status: 404, body: { message: "Not found" } };
      if (method === "GET") {
        const unknown = [...searchParams.keys()].filter(
          (key) => !["from", "to", "limit", "type", "tags", "dashboardUID"].includes(key),
        );
        if (unknown.length > 0) return refused(`unknown ${unknown}`);
        const tags = searchParams.getAll("tags");
        return { status: 200, body: kept.filter((one) => tags.every((tag) => one.tags.includes(tag))) };
      }
      const { text, time, tags, ...rest } = body as Record<string, unknown>;
      if (method !== "POST" || typeof text !== "string" || typeof time !== "number" || !Array.isArray(tags))
        return refused("text, time and tags are due");
      if (Object.keys(rest).some((key) => !["dashboardUID", "panelId", "timeEnd"].includes(key)))
        return refused("an unknown field");
      const made = { id: kept.length + 1_124, tags: tags as string[] };
      kept.push(made);
      return { status: 200, body: { message: "Annotation added", id: made.id } };
    },
    had: () =>
      kept.flatMap(({ tags }) =>
        tags.filter((tag) => tag.startsWith("quarterdeck:")).map((tag) => tag.slice(12)),
      ),
    empty: () => {
      kept = [];
    },
    posted: "POST",
  };
}

/** A receiver as Standard Webhooks asks for: signature compared, an id done once. */
function receiver(): Bench {
  let done: string[] = [];
  return {
    kind: "webhook",
    declare: (url) => ({ name: "hooks", kind: "webhook", url: `${url}/deploys`, secretEnv: "HOOK_SECRET" }),
    answer({ method, path, headers, body }) {
      const [id, sentSec, signature] = ["webhook-id", "webhook-timestamp", "webhook-signature"].map((name) =>
        String(headers[name]),
      ) as [string, string, string];
      const key = Buffer.from(secret.slice("whsec_".length), "base64");
      const due = createHmac("sha256", key)
        .update(`${id}.${sentSec}.${JSON.stringify(body)}`)
        .digest("base64");
      if (method !== "POST" || path !== "/deploys") return { status: 404 };
      if (signature !== `v1,${due}` || id.includes(".")) return { status: 401 };
      if (Math.abs(Number(sentSec) - at.getTime() / 1_000) > 300) return { status: 401 };
      const event = markerEventSchema.parse(body);
      if (!done.includes(id)) done.push(event.data.id);
      return { status: 200 };
    },
    had: () => done,
    empty: () => {
      done = [];
    },
    posted: "POST",
  };
}

describe.each([grafana(), receiver()])("markers at a $kind", (bench) => {
  let standIn: StandIn;
  beforeAll(async () => {
    standIn = await startStandIn((request) => bench.answer(request));
  });
  afterAll(() => standIn?.close());
  beforeEach(() => {
    bench.empty();
    standIn.requests.length = 0;
  });

  const sinkOf = (env: Record<string, string> = {}, url = standIn.url): MarkerSink =>
    createMarkerSinks({
      env: (name) => ({ GRAFANA_TOKEN: token, HOOK_SECRET: secret, ...env })[name],
      clock: { now: () => at },
    }).of(markerSinkSchema.parse(bench.declare(url)));

  it("are there once, however often they are put", async () => {
    const first = await sinkOf().put(notice);
    expect(await sinkOf().put(notice)).toBe(first);
    await sinkOf().put({ ...notice, id: "7a0c7a52-7f3e-4a53-9d6a-0d6f5c8b1a11", percent: 50 });
    expect(bench.had()).toEqual([notice.id, "7a0c7a52-7f3e-4a53-9d6a-0d6f5c8b1a11"]);
  });

  it("are there once when the answer was lost", async () => {
    standIn.loseNext(bench.posted);
    await expect(sinkOf().put(notice)).rejects.toMatchObject({ code: "unreachable" });
    await sinkOf().put(notice);
    expect(bench.had()).toEqual([notice.id]);
  });

  it.each([
    [{ status: 401 }, "unauthorised"],
    [{ status: 404 }, "not_found"],
    [{ status: 302, headers: { location: "/elsewhere" } }, "not_found"],
    [{ status: 400, body: { message: "no such field" } }, "rejected"],
    [{ status: 500 }, "unreachable"],
  ])("are told apart from what is refused with %o", async (answer, code) => {
    standIn.refuseNext(answer);
    const refused = await sinkOf()
      .put(notice)
      .catch((error: unknown) => error);
    expect(refused).toMatchObject({ code, message: expect.stringContaining(`answered ${answer.status}`) });
    expect(String(refused)).not.toContain(standIn.url);
    expect(standIn.requests).toHaveLength(1);
  });

  it("wait as long as they are asked to, and end where nobody wants them", async () => {
    standIn.refuseNext({ status: 429, headers: { "retry-after": "90" } });
    const limited = await sinkOf()
      .put(notice)
      .catch((error: unknown) => error);
    expect(limited instanceof RateLimited && limited.retryAfterMs).toBe(90_000);
    standIn.refuseNext({ status: 410 });
    await expect(sinkOf().put(notice)).rejects.toBeInstanceOf(NotWanted);
  });

  it("are found where a system can be asked, and the doctor asks for one that nobody made", async () => {
    const sink = sinkOf();
    expect(await sink.find(notice.id)).toBeNull();
    const id = await sink.put(notice);
    expect(await sink.find(notice.id)).toBe(sink.canRead ? id : null);
    const before = bench.had().length;
    const check = async (variables: Record<string, string>) =>
      (
        await checkMarkerSink(
          { env: (name) => variables[name], clock: new SetClock(at) as never },
          markerSinkSchema.parse(bench.declare(standIn.url)),
        )
      ).map(({ state, saw }) => [state, saw]);
    expect(await check({ GRAFANA_TOKEN: token, HOOK_SECRET: secret })).toEqual([
      sink.canRead ? ["ok", "answers, and takes its token"] : ["not proven", "its secret is set"],
    ]);
    expect(await check({})).toEqual([["failed", expect.stringMatching(/^The secret of .* is not set$/)]]);
    expect(bench.had()).toHaveLength(before);
  });

  it("need a secret, and say which variable holds it", () => {
    expect(() => sinkOf({ GRAFANA_TOKEN: "", HOOK_SECRET: "" })).toThrow(
      /^The secret of (graphs|hooks) is not set$/,
    );
  });
});

describe("the requests", () => {
  it("to Grafana are these", async () => {
    const bench = grafana();
    const standIn = await startStandIn((request) => bench.answer(request));
    const sink = createMarkerSinks({ env: () => token, clock: { now: () => at } }).of(
      markerSinkSchema.parse({ ...bench.declare(standIn.url), dashboardUid: "uGlb_lG7z" }),
    );
    expect(await sink.put(notice)).toBe("1124");
    await standIn.close();
    expect(standIn.asked()).toEqual([
      `GET /api/annotations?tags=quarterdeck%3A${notice.id}&type=annotation&limit=1`,
      "POST /api/annotations",
    ]);
    expect(standIn.requests[1]).toMatchObject({
      headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
      body: {
        dashboardUID: "uGlb_lG7z",
        time: 1_795_607_998_125,
        tags: [
          "deploy",
          "service:shop",
          "environment:production",
          "version:v42",
          "kind:step",
          "shop-team",
          `quarterdeck:${notice.id}`,
        ],
        text: "shop production: v42 has 10 % (R-12)",
      },
    });
  });

  it("to a webhook are this one, with the same id and body at every attempt and a new time", async () => {
    const standIn = await startStandIn(() => ({ status: 204 }));
    let now = at;
    const sink = createMarkerSinks({ env: () => secret, clock: { now: () => now } }).of(
      markerSinkSchema.parse(receiver().declare(standIn.url)),
    );
    await sink.put({ ...notice, kind: "rolled-back" });
    now = new Date(at.getTime() + 60_000);
    await sink.put({ ...notice, kind: "rolled-back" });
    await standIn.close();
    const [first, second] = standIn.requests;
    expect(first?.body).toEqual({
      type: "marker.rolled_back",
      timestamp: notice.at,
      data: { ...notice, kind: "rolled-back" },
    });
    expect(second?.body).toEqual(first?.body);
    expect([first, second].map((one) => one?.headers["webhook-id"])).toEqual([notice.id, notice.id]);
    expect([first, second].map((one) => one?.headers["webhook-timestamp"])).toEqual([
      "1795608000",
      "1795608060",
    ]);
    expect(first?.headers["webhook-signature"]).not.toBe(second?.headers["webhook-signature"]);
  });

  it("are not made with a secret that can be guessed", async () => {
    const sink = createMarkerSinks({ env: () => "too-short", clock: { now: () => at } }).of(
      markerSinkSchema.parse(receiver().declare("http://127.0.0.1:9")),
    );
    await expect(sink.put(notice)).rejects.toMatchObject({ code: "unauthorised" });
  });
});
