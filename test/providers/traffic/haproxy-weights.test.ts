import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { markOf, markText, shareOut } from "../../../src/providers/traffic/haproxy-held.ts";
import { mapEntries, readMap } from "../../../src/providers/traffic/haproxy-map.ts";
import { harmOf, healthOf, readStat, serverRows } from "../../../src/providers/traffic/haproxy-stat.ts";
import { weightsFor } from "../../../src/providers/traffic/haproxy-weights.ts";

const group = (version: string, weightPercent: number, count: number, usable = count) => ({
  version,
  weightPercent,
  servers: Array.from({ length: count }, (_, index) => `${version}${index}`),
  usable,
});

describe("weights of servers", () => {
  it.each([
    // Canary's percent, canary servers, stable servers; weight of each canary and each stable server.
    [1, 1, 10, 10, 99],
    [1, 1, 1, 1, 99],
    [50, 1, 1, 1, 1],
    [10, 3, 1, 1, 27],
    [0.39, 1, 1, 1, 255],
    [100, 2, 3, 1, 0],
    [0, 2, 3, 0, 1],
    [33.33, 1, 2, 1, 1],
  ])("make %d %% of %d canaries beside %d stable servers: %d and %d", (percent, canaries, stable, w, W) => {
    const weights = weightsFor([group("s", 100 - percent, stable), group("c", percent, canaries)]);
    expect([weights.get("c0"), weights.get("s0")]).toEqual([w, W]);
    expect(weights.size).toBe(canaries + stable);
  });

  it.each([
    [0.1, 1, 1, "c 0.39 %"],
    [1, 3, 1, "c 1.16 %"],
  ])("cannot make %d %% of %d beside %d, and say the nearest: %s", (percent, canaries, stable, nearest) => {
    expect(() => weightsFor([group("s", 100 - percent, stable), group("c", percent, canaries)])).toThrow(
      nearest,
    );
  });

  it("leave out of the sum what is out of service, and give it its version's weight for when it is back", () => {
    const weights = weightsFor([group("s", 50, 4, 2), group("c", 50, 1)]);
    expect([weights.get("s3"), weights.get("c0")]).toEqual([1, 2]);
    expect(() => weightsFor([group("s", 90, 2), group("c", 10, 1, 0)])).toThrow("out of service");
  });
});

describe("a map", () => {
  const backends = ["v1", "v2", "v3"].map((version) => ({ version, backend: `shop_${version}` }));
  const shown = (entries: readonly (readonly [string, string])[]) =>
    entries.map(([key, value]) => `0x7f16e8038300 ${key} ${value}`).join("\n");

  it("holds any shares to the hundredth of a percent, every number once, and reads back the same", () => {
    const cuts = fc.array(fc.integer({ min: 0, max: 10_000 }), { maxLength: 2 });
    fc.assert(
      fc.property(cuts, fc.integer({ min: 1, max: 1e9 }), (units, serial) => {
        const sorted = [0, ...units.sort((a, b) => a - b), 10_000];
        const versions = sorted.slice(1).map((cut, index) => ({
          version: `v${index + 1}`,
          weightPercent: (cut - (sorted[index] ?? 0)) / 100,
          address: `shop_v${index + 1}`,
        }));
        const held = readMap(shown(mapEntries(versions, { serial, key: "R-1:2" })), backends);
        expect(held.versions).toEqual(versions);
        expect(markOf(held)).toMatchObject({ serial, key: "R-1:2" });
      }),
    );
  });

  it("takes the first of overlapping ranges, names an unknown backend, and ignores what is no entry", () => {
    const { versions } = readMap(
      `${shown([
        ["0:4999", "shop_v1"],
        ["4000:9998", "other"],
        ["9999", "shop_v2"],
      ])}\n# words\n\n`,
      backends,
    );
    expect(versions.map(({ version, weightPercent }) => [version, weightPercent])).toEqual([
      ["v1", 50],
      ["other", 49.99],
      ["v2", 0.01],
    ]);
  });
});

describe("a mark", () => {
  it("counts for the shares it was made for only, whatever characters the key has", () => {
    const key = `R-1:a;b\\c"d'e(f)g,h.i+j%k<<l`;
    const rawMark = markText({ serial: 3, key, versions: ["v1.2", "v+3"] }, "a=1");
    expect(rawMark).toMatch(/^[A-Za-z0-9._%+-]+$/);
    expect(markOf({ rawMark, content: "a=1" })).toEqual({ serial: 3, key, versions: ["v1.2", "v+3"] });
    expect(markOf({ rawMark, content: "a=2" })).toBeUndefined();
    for (const broken of [undefined, "", "3", `${rawMark}.more`, rawMark.replace("R-1", "%E0%A4%A")])
      expect(markOf({ rawMark: broken, content: "a=1" })).toBeUndefined();
  });
});

it("shares out 10,000 hundredths, the largest remainders first", () => {
  expect(shareOut([1, 1, 1])).toEqual([3334, 3333, 3333]);
  expect(shareOut([0, 0])).toEqual([0, 0]);
  expect(shareOut([1, 255])).toEqual([39, 9961]);
});

describe("show stat", () => {
  const stat = (...rows: string[]) =>
    readStat(`# pxname,svname,qcur,scur,econ,wretr,wredis,status,weight,last_chk,\n${rows.join("\n")}\n\n`);

  it("is read by its header, with commas and quotes inside a field", () => {
    const [row] = stat('shop,v42a,0,3,1,2,4,DOWN 1/2,10,"Layer7 ""x"", y",');
    expect(row?.get("last_chk")).toBe('Layer7 "x", y');
    expect(harmOf(row ? [row, row] : [])).toEqual({ connectionErrors: 2, retries: 4, redispatches: 8 });
  });

  it("keeps to the servers asked for", () => {
    const rows = stat(
      "shop,FRONTEND,,,,,,OPEN,,,",
      "shop,v41a,0,0,0,0,0,UP,1,,",
      "shop,v42a,0,0,0,0,0,UP,1,,",
      "shop,BACKEND,0,0,0,0,0,UP,2,,",
      "pay,v41a,0,0,0,0,0,UP,1,,",
    );
    const names = (servers: readonly string[] | undefined) =>
      serverRows(rows, { proxy: "shop", servers }).map((row) => row.get("svname"));
    expect(names(undefined)).toEqual(["v41a", "v42a"]);
    expect(names(["v42a"])).toEqual(["v42a"]);
  });

  it.each([
    [["UP", "UP"], "serving", 2, 2],
    [["UP 1/3", "DOWN"], "serving", 1, 2],
    [["DOWN", "DOWN"], "down", 0, 2],
    [["DOWN 1/2", "DOWN"], "starting", 0, 2],
    [["MAINT", "UP"], "serving", 1, 1],
    [["MAINT", "MAINT (via x/y)"], "down", 0, 0],
    [["no check"], "unknown", null, 1],
    [["DRAIN"], "serving", 1, 1],
    [[], "down", 0, 0],
  ])("makes of servers %j: %s", (statuses, state, ready, wanted) => {
    const rows = stat(...statuses.map((status, index) => `shop,s${index},0,0,0,0,0,${status},1,,`));
    expect(healthOf(rows)).toMatchObject({ state, ready, wanted });
  });

  it.each([
    ["0", 2, "1 of 1 servers up; draining, 2 sessions left"],
    ["0", 0, "1 of 1 servers up; drained"],
    ["5", 2, "1 of 1 servers up"],
  ])("says of weight %s with %d sessions: %s", (weight, sessions, words) => {
    expect(healthOf(stat(`shop,a,0,${sessions},0,0,0,UP,${weight},,`)).detail).toBe(words);
  });
});
