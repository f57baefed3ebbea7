import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type HookKind, hookSourceSchema } from "../../../../src/catalog/hook-sources.ts";
import type { ReadDelivery } from "../../../../src/features/alerts/model.ts";
import { type SenderKind, senders } from "../../../../src/features/alerts/webhooks/senders.ts";
import { inbound } from "./inbound.ts";
import { payloads } from "./payloads.ts";

/** What no sender should put anywhere, and some will. */
const hostile: readonly unknown[] = [
  "<!channel> <@U1> &amp; ``` *_~ \u202e\u2066",
  "\ud800 half a pair \udc00\ud83d",
  "a\u0000b",
  "x".repeat(1_000_000),
  "https://example.com/{app}",
  "javascript:alert(1)",
  `https://example.com/${"a".repeat(5_000)}`,
  "0001-01-01T00:00:00Z",
  "9999999-99-99T99:99:99Z",
  "__proto__",
  "",
  " ",
  null,
  true,
  -1,
  0,
  1.5e308,
  2 ** 53,
  [],
  {},
  [[[[[[]]]]]],
  { constructor: { prototype: 1 }, toString: 7, length: -1 },
  ["critical", null, 3, { a: "b" }],
];
/** Put in place of a value in the text, because no number of ours can hold it. */
const hugeInteger = "123456789012345678901234567890";
const deep = `${"[".repeat(20_000)}${"]".repeat(20_000)}`;

type Path = readonly (string | number)[];
function pathsOf(value: unknown, at: Path = []): Path[] {
  if (typeof value !== "object" || value === null) return [at];
  const below = Object.entries(value).flatMap(([key, one]) => pathsOf(one, [...at, key]));
  return [at, ...below];
}

/** At most so many of them, from all over: the largest bodies repeat one shape many times. */
const spread = <Item>(items: readonly Item[], countMax: number): Item[] => {
  const stride = Math.ceil(items.length / countMax);
  return items.filter((_item, index) => index % stride === 0);
};

/** A copy in which what stands at a path is another value, or gone. */
function changed(value: unknown, [step, ...rest]: Path, to: unknown): unknown {
  if (step === undefined) return to;
  const copy: Record<string | number, unknown> = Array.isArray(value)
    ? ([...value] as unknown as Record<number, unknown>)
    : { ...(value as object) };
  if (rest.length === 0 && to === undefined) delete copy[step];
  else copy[step] = changed(copy[step], rest, to);
  return copy;
}

const marker = "\u2063here\u2063";
/** A real body with a few of its values replaced; at times cut short, or not JSON at all. */
const bodyFrom = (bodies: readonly unknown[]): fc.Arbitrary<Buffer> =>
  fc
    .constantFrom(...bodies)
    .chain((body) => {
      const to = fc.oneof(
        fc.constantFrom(...hostile),
        fc.constant(undefined),
        fc.constant(marker),
        fc.jsonValue(),
      );
      const change = fc.tuple(fc.constantFrom(...pathsOf(body)), to);
      return fc
        .tuple(fc.array(change, { minLength: 1, maxLength: 4 }), fc.constantFrom(hugeInteger, deep))
        .map(([changes, raw]) => {
          const made = changes.reduce<unknown>((sum, [path, value]) => {
            try {
              return changed(sum, path, value);
            } catch {
              return sum;
            }
          }, body);
          return Buffer.from((JSON.stringify(made) ?? "").replaceAll(JSON.stringify(marker), raw));
        });
    })
    .chain((body) =>
      fc.oneof(
        { weight: 8, arbitrary: fc.constant(body) },
        {
          weight: 1,
          arbitrary: fc.nat(Math.max(0, body.length - 1)).map((length) => body.subarray(0, length)),
        },
        { weight: 1, arbitrary: fc.uint8Array({ maxLength: 50 }).map((bytes) => Buffer.from(bytes)) },
      ),
    );

function everyText(value: unknown, check: (text: string) => void): void {
  if (typeof value === "string") check(value);
  else if (value instanceof Date) expect(Number.isNaN(value.getTime())).toBe(false);
  else if (typeof value === "object" && value !== null)
    for (const [name, below] of Object.entries(value)) {
      check(name);
      everyText(below, check);
    }
}

function holds({ alerts, events, problems, deliveryId, groupKey }: ReadDelivery): void {
  for (const alert of alerts) {
    expect(alert.fingerprint.trim()).not.toBe("");
    expect(alert.fingerprint.length).toBeLessThanOrEqual(200);
    expect(["firing", "resolved"]).toContain(alert.status);
    expect(["critical", "error", "warning", "info"]).toContain(alert.severity);
    expect(alert.title.trim()).not.toBe("");
    for (const { url } of alert.links) expect(url).toMatch(/^https?:\/\/[^\s<>]+$/i);
    for (const text of Object.values({ ...alert.labels, ...alert.annotations }))
      expect(typeof text).toBe("string");
  }
  for (const event of events) {
    expect(["deploy", "page", "ticket", "other"]).toContain(event.kind);
    expect(event.at === null || event.at instanceof Date).toBe(true);
    if (event.kind === "page" || event.kind === "ticket") expect(event.key).not.toBe("");
    if (event.kind === "deploy") expect([event.version, event.reference]).not.toContain("");
  }
  for (const { field, why } of problems) {
    expect(field.trim()).not.toBe("");
    expect(why.trim()).not.toBe("");
  }
  expect(deliveryId).not.toBe("");
  everyText({ alerts, events, problems, deliveryId, groupKey }, (text) => {
    if (!text.isWellFormed() || text.includes("\u0000") || text.length > 10_000)
      throw new Error(`not fit to be kept: ${JSON.stringify(text.slice(0, 200))}`);
  });
}

/** Where no body is at hand, or a source must say more of itself. */
const extra: Partial<Record<HookKind, { bodies?: readonly unknown[]; source?: object }>> = {
  sns: { source: { topics: ["arn:aws:sns:eu-west-1:1234567890:alerta-test"] } },
  mapping: {
    bodies: [
      {
        id: "m-1",
        at: "x",
        events: [{ id: 1, s: "ok", t: "title", w: 1764064800, u: "https://e.example.com/", l: "a" }],
      },
    ],
    source: {
      mapping: {
        alerts: "events",
        deliveryId: "$.id",
        status: { path: "s", firing: ["bad"], resolved: ["ok"] },
        key: ["id", "l"],
        title: "t",
        startsAt: "w",
        links: { page: "u" },
        labels: { l: "l" },
        annotations: { summary: "t" },
        service: "$.at",
      },
    },
  },
};

/** Put in place of every single value of every real body. */
const everywhere: readonly unknown[] = ["a\u0000b \ud800 \u202e", marker, null, undefined, {}, [], ""];

describe("whatever the bytes, a reader never throws and makes nothing that cannot be kept", () => {
  it.each(Object.keys(senders) as SenderKind[])("of %s", (kind) => {
    const own = payloads.filter((payload) => payload.kind === kind);
    const bodies = [
      ...own.map(({ body }) => JSON.parse(body.toString("utf8")) as unknown),
      ...(extra[kind]?.bodies ?? []),
    ];
    expect(bodies.length, `give ${kind} a payload, or a body in this file`).toBeGreaterThan(0);
    const source = hookSourceSchema.parse({ name: kind, kind, team: "storefront", ...extra[kind]?.source });
    const read = (body: Buffer, headers: Record<string, string>) =>
      senders[kind]?.read(inbound(kind, body, { headers, source }));
    for (const body of bodies)
      for (const path of spread(pathsOf(body), 60))
        for (const value of everywhere) {
          const text = JSON.stringify(changed(body, path, value)) ?? "";
          const made = read(
            Buffer.from(text.replaceAll(JSON.stringify(marker), hugeInteger)),
            own[0]?.headers ?? {},
          );
          if (made !== undefined) holds(made);
        }
    const headers = fc.constantFrom(...own.map((payload) => payload.headers), {});
    fc.assert(
      fc.property(bodyFrom(bodies), headers, (body, sent) => {
        const made = read(body, sent);
        if (made !== undefined) holds(made);
      }),
      { numRuns: 100 },
    );
  });
});
