import { describe, expect, it } from "vitest";
import { isSameTraffic, readReplacement, readRoute, serviceFor } from "../../src/router/routes.ts";

const v41 = { version: "v41", url: "http://127.0.0.1:1", weight: 99.99 };
const v42 = { version: "v42", url: "http://127.0.0.1:2", weight: 0.01 };

describe("reading a route", () => {
  it("takes weights in hundredths of a percent", () => {
    const read = readReplacement("shop", { backends: [v41, v42] });
    expect(read.ok && read.value.backends).toEqual([v41, v42]);
  });

  it.each([
    ["service", "Shop!", { backends: [v41, v42] }],
    ["body", "shop", [v41]],
    ["weights", "shop", { weights: {} }],
    ["backends", "shop", {}],
    ["backends", "shop", { backends: [] }],
    ["backends[].weight", "shop", { backends: [v41] }],
    ["backends[].weight", "shop", { backends: [v41, { ...v42, weight: 0.02 }] }],
    [
      "backends[0].weight",
      "shop",
      {
        backends: [
          { ...v41, weight: -1 },
          { ...v42, weight: 101 },
        ],
      },
    ],
    ["backends[1].weight", "shop", { backends: [v41, { ...v42, weight: 100.01 }] }],
    [
      "backends[0].weight",
      "shop",
      {
        backends: [
          { ...v41, weight: 99.995 },
          { ...v42, weight: 0.005 },
        ],
      },
    ],
    ["backends[0].weight", "shop", { backends: [{ ...v41, weight: "100" }] }],
    ["backends[0].weight", "shop", { backends: [{ ...v41, weight: Number.NaN }] }],
    ["backends[1].version", "shop", { backends: [v41, { ...v42, version: "v41" }] }],
    ["backends[0].version", "shop", { backends: [{ ...v41, version: 'v"41' }] }],
    ["backends[0].url", "shop", { backends: [{ ...v41, url: "ftp://127.0.0.1" }] }],
    ["backends[0].url", "shop", { backends: [{ ...v41, url: "http://127.0.0.1/path" }] }],
    ["backends[0].url", "shop", { backends: [{ ...v41, url: "http://user@127.0.0.1" }] }],
    ["backends[1].weigth", "shop", { backends: [v41, { ...v42, weigth: 1 }] }],
    ["revision", "shop", { backends: [v41, v42], revision: -1 }],
    ["changedBy", "shop", { backends: [v41, v42], changedBy: "two words" }],
  ])("names %s when it cannot be used (case %#)", (field, service, body) => {
    expect(readReplacement(service, body)).toMatchObject({ ok: false, field });
  });

  it("refuses a kept route without a revision", () => {
    expect(readRoute({ service: "shop", backends: [v41, v42] })).toMatchObject({
      ok: false,
      field: "revision",
    });
  });
});

describe("choosing the service", () => {
  const two = new Map([
    ["shop", 1],
    ["payments", 1],
  ]);

  it.each([
    ["shop", "shop"],
    ["shop:3212", "shop"],
    ["SHOP.localhost:3212", "shop"],
    ["payments.localhost", "payments"],
  ])("reads host %s as %s", (host, service) => expect(serviceFor(host, two)).toBe(service));

  it("takes the only route for any other host, and none where there are two", () => {
    expect(serviceFor("127.0.0.1:3212", new Map([["shop", 1]]))).toBe("shop");
    expect(serviceFor("127.0.0.1:3212", two)).toBeUndefined();
    expect(serviceFor(undefined, new Map())).toBeUndefined();
  });
});

it("sees the same traffic in any order, and another in any changed field", () => {
  const route = { backends: [v41, v42] };
  const sticky = { header: "x-version", cookie: "shop" };
  expect(isSameTraffic(route, { backends: [v42, v41] })).toBe(true);
  expect(isSameTraffic(route, { backends: [v41, { ...v42, url: "http://127.0.0.1:3" }] })).toBe(false);
  expect(isSameTraffic(route, { backends: [v41] })).toBe(false);
  expect(isSameTraffic(route, { ...route, sticky })).toBe(false);
  expect(isSameTraffic({ ...route, sticky }, { ...route, sticky: { ...sticky } })).toBe(true);
  expect(isSameTraffic({ ...route, sticky }, { ...route, sticky: { header: "x-version" } })).toBe(false);
});
