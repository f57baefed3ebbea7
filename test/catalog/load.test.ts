// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the catalog's own variables look like template strings.
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { loadCatalog, readCatalog } from "../../src/catalog/load.ts";
import { accessRule, service, sloOf } from "../../src/catalog/lookup.ts";
import { base, catalogOf, problems, read, team } from "./files.ts";

const sample = "config/sample";

/** The team's file with one line replaced or text added; `line` counts in that file. */
const withService = (more: string) => `${team}${more}`;

describe("the sample", () => {
  it("loads without a problem and without any variable; it is warned only that Slack alone rings no phone", async () => {
    const result = await loadCatalog(sample, {}, new Date("2026-11-25T09:00:00Z"));
    expect(result.ok).toBe(true);
    if (!result.ok) return;
    const other = result.warnings.filter(({ message }) => !message.startsWith("is paged by Slack alone"));
    expect(other).toEqual([]);
    expect(result.digest).toMatch(/^[0-9a-f]{64}$/);
    expect(
      service(result.catalog, "shop")?.rollout?.steps.map(({ weightPercent, minSamples }) => [
        weightPercent,
        minSamples,
      ]),
    ).toEqual([
      [1, 30],
      [10, 100],
      [50, 200],
      [100, 200],
    ]);
    expect(sloOf(result.catalog, "shop")).toMatchObject({
      objective: 99.5,
      userFacing: true,
      provider: "local-scrape",
      window: { rolling: 28 * 86_400_000 },
      alerting: [{ severity: "page", long: 60_000, short: 5_000, burn: 10 }],
    });
    expect(accessRule(result.catalog, "orders-db", "readonly")).toMatchObject({
      terms: { grantRole: "app_ro" },
      policy: { quorum: 1 },
    });
  });

  it("takes addresses from the variables", async () => {
    const result = await loadCatalog(sample, { SHOP_V42_URL: "http://127.0.0.1:9942" });
    if (!result.ok) throw new Error("refused");
    expect(service(result.catalog, "shop")?.traffic?.[0]?.versions[1]).toEqual({
      name: "v42",
      url: "http://127.0.0.1:9942",
    });
  });
});

describe("places", () => {
  it.each([
    [
      "an unknown top field",
      `${base}theams: []\n`,
      "a.yaml:20: theams: is not a field of the catalog here; did you mean teams?",
    ],
    [
      "a wrong type",
      withService("    dependencies: shop\n"),
      "b.yaml:13: services.shop.dependencies: must be a list; fix its type",
    ],
    [
      "a field that is missing",
      "channels:\n  - slack: { T0A: C0X }\n",
      "b.yaml:2: channels.0.name: is missing; add it",
    ],
    [
      "a word of a closed list",
      withService("    tier: gold\n"),
      "b.yaml:13: services.shop.tier: must be one of critical, standard",
    ],
    [
      "an unknown field deep down",
      withService("    paging: { rule: every-critical-alert, owner: lena, reason: law, until: x }\n"),
      "b.yaml:13: services.shop.paging.until: is not a field of the catalog here; remove it or fix its spelling",
    ],
    [
      "a duration",
      withService("    rollout: { steps: [{ weightPercent: 100 }], deadline: 2 hours }\n"),
      'b.yaml:13: services.shop.rollout.deadline: "2 hours" is not a time; write 5s, 15m, 1h30m or 28d',
    ],
    [
      "a kind",
      withService("    signals:\n      - name: errors\n        kind: median\n        golden: errors\n"),
      "b.yaml:15: services.shop.signals.errors.kind: must be one of ratio, quantile, rate, gauge",
    ],
    [
      "a name that looks like another",
      withService("  - { name: shоp, team: storefront, dri: olive }\n"),
      "b.yaml:13: services.shоp.name: must be ASCII letters",
    ],
    ["broken YAML", "teams: [\n", "b.yaml:2: is not valid YAML"],
    ["a key twice", "teams: []\nteams: []\n", "b.yaml:2: is not valid YAML: Map keys must be unique"],
    [
      "a variable that is not set",
      "channels:\n  - name: ${UNSET}\n",
      "b.yaml:2: variable UNSET is not set; set it or write ${UNSET:-default}",
    ],
    ["what is no variable", "channels:\n  - name: ${1x}\n", 'b.yaml:2: "${1x}" is not a variable'],
    ["two documents", "teams: []\n---\nteams: []\n", "b.yaml:2: is not valid YAML"],
    ["a list for a file", "- teams\n", "b.yaml:1: must be a map; fix its type"],
  ])("names file, line and field of %s", (_, text, expected) => {
    const found = text.startsWith("organisation") ? problems(text, team) : problems(base, text);
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(expected);
  });

  it("names every problem of every file at once", () => {
    expect(problems(`${base}x: 1\n`, withService("    tier: gold\n    y: 2\n"))).toHaveLength(3);
  });

  it("names both places of a name declared twice, whatever its case", () => {
    expect(problems(base, team, "services:\n  - { name: Shop, team: storefront, dri: olive }\n")).toEqual([
      'c.yaml:2: services.Shop: "Shop" is declared twice, first at b.yaml:9; rename or remove one',
    ]);
    expect(problems(base, team, "people:\n  - { id: olive, name: Other }\n")).toEqual([
      'c.yaml:2: people.olive: "olive" is declared twice, first at a.yaml:10; rename or remove one',
    ]);
    expect(problems(base, team, "policies: {}\n", "policies: {}\n")).toEqual([
      "d.yaml:1: policies: is declared twice, first at c.yaml:1; keep one",
    ]);
  });

  it("says that the organisation is missing, and that a folder is empty or not there", async () => {
    expect(problems("teams: []\n")[0]).toContain("organisation: is declared in no file; add it to one");
    expect(problems()[0]).toContain("holds no .yaml file; set CATALOG_PATH");
    expect(await loadCatalog("/no/such/folder", {})).toMatchObject({
      ok: false,
      problems: [{ file: "/no/such/folder", message: expect.stringContaining("set CATALOG_PATH") }],
    });
  });
});

describe("variables", () => {
  const nameOf = (text: string) =>
    catalogOf(base, team, `channels:\n  - { name: ${text}, slack: { T0A: C0X } }\n`).channels.find(
      ({ name }) => name !== "ops",
    )?.name;

  it("fills in what is set, the default when unset or empty, and leaves $${NAME} as text", () => {
    expect(nameOf('"${SET}"')).toBe("value");
    expect(nameOf('"x-${SET}-${UNSET:-y}"')).toBe("x-value-y");
    expect(nameOf('"${EMPTY:-fallback}"')).toBe("fallback");
    const described = catalogOf(base, withService("    description: costs $${SET}\n"));
    expect(service(described, "shop")?.description).toBe("costs ${SET}");
  });

  it("reads a plain number as a number and a quoted one as text", () => {
    const slo = (minBad: string) =>
      `slos:\n  - name: s\n    service: shop\n    minBad: ${minBad}\n    objective: 99.9\n    window: { rolling: 28d }\n    indicator: { kind: latency, histogram: { metric: h }, threshold: 1 }\n`;
    expect(catalogOf(base, team, slo("${NUMBER}")).slos[0]?.minBad).toBe(7);
    expect(catalogOf(base, team, slo("${UNSET:-3}")).slos[0]?.minBad).toBe(3);
    expect(problems(base, team, slo('"${NUMBER}"'))[0]).toContain("minBad: must be a number");
  });

  it("must be quoted inside braces, and the problem says so", () => {
    expect(problems(base, team, "channels:\n  - { name: ${SET} }\n")).toEqual([
      expect.stringMatching(
        /^c\.yaml:2: is not valid YAML: .*; inside \{ \} and \[ \] write variables in quotes$/,
      ),
    ]);
  });

  it("cannot be used to add structure", () => {
    const injected = readCatalog(
      "catalog",
      [
        { file: "a.yaml", text: base },
        { file: "b.yaml", text: team.replace("dri: olive", "dri: ${X}") },
      ],
      { X: "olive\n    tier: critical" },
    );
    expect(injected).toMatchObject({ ok: false, problems: [{ field: "services.shop.dri" }] });
  });
});

describe("the digest", () => {
  it("is the same whichever file an entry stands in, and another when content changes", () => {
    const digest = (...texts: string[]) => {
      const result = read(...texts);
      return result.ok ? result.digest : "refused";
    };
    const [teams = "", services = ""] = team.split(/(?=services:)/);
    expect(digest(base, team)).toMatch(/^[0-9a-f]{64}$/);
    expect(digest(base, services, teams)).toBe(digest(base, team));
    expect(digest(base, withService("    tier: critical\n"))).not.toBe(digest(base, team));
  });
});

describe("files", () => {
  it("reads folders in the folder and leaves hidden and other files out", async () => {
    const dir = await mkdtemp(join(tmpdir(), "catalog-"));
    try {
      await mkdir(join(dir, "teams"));
      await writeFile(join(dir, "base.yaml"), base);
      await writeFile(join(dir, "teams", "storefront.yml"), team);
      await writeFile(join(dir, ".draft.yaml"), "not: [valid");
      await writeFile(join(dir, "notes.txt"), "not: [valid");
      expect(await loadCatalog(dir, {})).toMatchObject({ ok: true });
    } finally {
      await rm(dir, { recursive: true });
    }
  });

  it("refuses a file too large and a bomb of aliases", () => {
    expect(problems(base, `#${"x".repeat(1_048_576)}\n`)[0]).toContain(
      "is larger than 1048576 bytes; split it",
    );
    const bomb = [
      "a: &a [x,x,x,x,x,x,x,x,x]",
      ..."bcdefgh"
        .split("")
        .map((name, index) => `${name}: &${name} [${Array(9).fill(`*${"abcdefgh"[index]}`).join(",")}]`),
    ].join("\n");
    expect(problems(base, bomb)[0]).toContain("write it without aliases");
  });

  it("answers any text with a catalog or problems, never by throwing", () => {
    const mutated = fc
      .tuple(fc.nat(team.length), fc.nat(20), fc.string({ maxLength: 12 }))
      .map(([at, cut, more]) => team.slice(0, at) + more + team.slice(at + cut));
    fc.assert(
      fc.property(fc.oneof(mutated, fc.string({ maxLength: 80 })), (text) => {
        const result = read(base, text);
        if (!result.ok)
          for (const { line, message } of result.problems) expect(line >= 1 && message !== "").toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});
