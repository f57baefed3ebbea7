import { expect, it } from "vitest";
import { openedCard } from "../../../src/features/runbooks/cards.ts";
import type { Gauge } from "../../../src/features/runbooks/gather.ts";
import { chooseRunbook, type Said, trustOf } from "../../../src/features/runbooks/model.ts";
import type { Block } from "../../../src/platform/messages/blocks.ts";
import { blockFaults } from "../../../src/sandbox/workspace/blocklimits.ts";
import { at, front, gatheredOf, openingOf, readingOf, runbookOf, sampleCatalog } from "./support.ts";

const catalog = await sampleCatalog();
const dayMs = 86_400_000;
const texts = (blocks: readonly Block[]): string => JSON.stringify(blocks);
const verbs = (blocks: readonly Block[]): string[] =>
  blocks.flatMap((block) =>
    block.type !== "actions"
      ? []
      : block.elements.flatMap((element) =>
          element.type === "button"
            ? [`${element.text.text}: ${element.value}`]
            : element.options.map((option) => `⋯ ${option.text.text}: ${option.value}`),
        ),
  );
const gauge = (name: string, value: number, text = String(value)): Gauge => ({
  name,
  reading: { is: "here", value: readingOf(catalog, "error-ratio", value, text) },
});

it("shows five facts, the worst first, and the rest in a list, within Slack's limits", () => {
  const gauges = Array.from({ length: 20 }, (_, index) =>
    gauge(`signal-${index}`, index === 13 ? 0.2 : 0.01),
  );
  const { text, blocks } = openedCard(
    openingOf(runbookOf(`${front()}Look.`), catalog, { gathered: gatheredOf({ gauges }) }),
  );
  expect(text).toBe("🔴 shop · Runbook Too slow · signal-13 0.2 (past its limit 5 %)");
  const fields = blocks.flatMap((block) => (block.type === "section" ? (block.fields ?? []) : []));
  expect(fields).toHaveLength(5);
  expect(fields[0]?.text).toBe("*signal-13*\n🔴 0.2 (past its limit 5 %)");
  for (let index = 0; index < 20; index += 1) expect(texts(blocks)).toContain(`signal-${index}`);
  expect(blockFaults(blocks)).toEqual([]);
});

it("puts two named actions on buttons, the rest with Helped and Outdated behind them", () => {
  const steps = [
    '{{action "rollback" service label="Roll back" danger=true}}',
    '{{action "oncall" service}}',
    '{{action "page" service "it burns" label="Page"}}',
  ].join("\n");
  const { blocks } = openedCard(openingOf(runbookOf(`${front()}${steps}`), catalog));
  expect(verbs(blocks)).toEqual([
    "Roll back: rollback shop",
    "Oncall shop: oncall shop",
    '⋯ Page: page shop "it burns"',
    "⋯ Helped: runbook helped too-slow",
    "⋯ Outdated: runbook outdated too-slow",
  ]);
  expect(texts(blocks)).toContain('"style":"danger"');
  expect(texts(blocks)).toContain("Does: /ops rollback shop");
  expect(texts(blocks)).toContain("▸ *Roll back* `/ops rollback shop`");
});

it("lets no value become a flag, a second word or a way out of quotes in a button's line", () => {
  const runbook = runbookOf(
    `${front("inputs: { host: which one }\n")}{{action "page" service host label="Page"}}`,
  );
  const lineFor = (host: string) =>
    verbs(openedCard(openingOf(runbook, catalog, { variables: { service: "shop", host } })).blocks)[0];
  expect(lineFor("web-3")).toBe("Page: page shop web-3");
  expect(lineFor("--yes")).toBe('Page: page shop "--yes"');
  expect(lineFor('x" --yes “y')).toBe('Page: page shop "x --yes y"');
  expect(lineFor("")).toBe("⋯ Helped: runbook helped too-slow");
});

it("shows hostile alerts, versions and notes as text", () => {
  const hostile = "<!channel> [x](https://evil.test) <https://evil.test|y> `z` *b*";
  const gathered = gatheredOf({
    gauges: [{ name: "error-ratio", reading: { is: "failed", why: hostile } }],
    gaugesOf: new Map([
      ["errors", [{ name: "error-ratio", reading: { is: "failed" as const, why: hostile } }]],
    ]),
    budget: { is: "failed", why: hostile },
    deploys: {
      is: "here",
      value: {
        recent: [
          {
            id: "D-1" as never,
            service: "shop",
            environment: "production",
            change: "deploy",
            version: hostile,
            by: hostile,
            source: hostile,
            outcome: "bad",
            at,
          },
        ],
        current: undefined,
      },
    },
  });
  const said: Said = { team: "T0LOCAL", person: "U0DEV", note: hostile, at };
  const runbook = runbookOf(`${front()}{{alert}} \`{{alert}}\` {{signal "errors"}} {{budget}} {{deploys}}`);
  const { text, blocks, chart } = openedCard(
    openingOf(runbook, catalog, {
      gathered,
      variables: { alert: hostile },
      trust: trustOf(runbook, { verified: undefined, helped: [], outdated: [said] }, catalog, at),
      problem: hostile,
    }),
  );
  expect(chart).toBeUndefined();
  for (const shown of [text, texts(blocks)]) {
    expect(shown).not.toContain("<!channel>");
    expect(shown).not.toContain("<https://evil.test");
  }
  expect(texts(blocks)).toContain("&lt;!channel&gt;");
  expect(texts(blocks)).toContain("🔴 bad");
});

it("says how much of long steps is cut and where the rest is", () => {
  const steps = Array.from({ length: 400 }, (_, index) => `${index}. Look at thing ${index} & <that>.`).join(
    "\n",
  );
  const { blocks } = openedCard(openingOf(runbookOf(`${front()}${steps}`), catalog));
  const words = texts(blocks);
  expect(words).toMatch(
    /Cut here: \d+ of \d+ characters are shown\. <http:\/\/q\.test\/runbooks\/too-slow\|The whole runbook>/,
  );
  expect(words.length).toBeLessThanOrEqual(12_000);
  expect(blockFaults(blocks)).toEqual([]);
  expect(verbs(blocks)).toContain("⋯ Helped: runbook helped too-slow");
});

it("draws the signal's last 15 minutes with the deploys in them, in the unit people read", () => {
  const { signal } = readingOf(catalog, "error-ratio", 0, "");
  const deploy = {
    id: "D-1" as never,
    service: "shop",
    environment: "production",
    change: "deploy" as const,
    version: "v42",
    by: "ci",
    source: "ci",
    outcome: "unknown" as const,
  };
  const reverted = {
    id: "m",
    service: "shop",
    environment: "production",
    kind: "reverted" as const,
    version: "v41",
    from: "v42",
    percent: null,
    thing: "R-1",
    at: new Date(at.getTime() - 5_000),
  };
  const { chart } = openedCard(
    openingOf(runbookOf(`${front()}x`), catalog, {
      gathered: gatheredOf({
        series: {
          is: "here",
          value: {
            signal,
            label: "shop",
            points: [
              { at, value: 0.09 },
              { at, value: null },
            ],
          },
        },
        deploys: {
          is: "here",
          value: {
            recent: [
              { ...deploy, at: new Date(at.getTime() - 60_000) },
              { ...deploy, at: new Date(at.getTime() - dayMs) },
            ],
            current: undefined,
          },
        },
        markers: { is: "here", value: [reverted] },
      }),
    }),
  );
  expect(chart).toMatchObject({
    unit: "%",
    limit: { value: 5 },
    toMs: at.getTime(),
    fromMs: at.getTime() - 900_000,
  });
  expect(chart?.series[0]?.points.map(({ value }) => value)).toEqual([9, null]);
  expect(chart?.markers).toEqual([
    { atMs: at.getTime() - 60_000, label: "v42", kind: "deploy" },
    { atMs: at.getTime() - 5_000, label: "reverted", kind: "event" },
  ]);
});

it("marks what is not verified, verified too long ago or called outdated", () => {
  const shown = (
    more: string,
    voices = { verified: undefined as Said | undefined, helped: [] as Said[], outdated: [] as Said[] },
  ) => {
    const runbook = runbookOf(`${front(more)}x`);
    return texts(
      openedCard(openingOf(runbook, catalog, { trust: trustOf(runbook, voices, catalog, at) })).blocks,
    );
  };
  const lena: Said = {
    team: "T0LOCAL",
    person: "U0LEAD",
    note: "step 2 is gone",
    at: new Date(at.getTime() - dayMs),
  };
  expect(shown("")).toContain("🟠 stale: never verified");
  expect(shown("verified: { on: 2025-01-01, by: lena }\n")).toMatch(
    /🟠 stale: last verified .* by Lena Lind, more than 90d ago/,
  );
  expect(shown("verified: { on: 2026-02-01, by: lena }\n")).toMatch(/🟢 verified .* by Lena Lind/);
  expect(shown("", { verified: lena, helped: [], outdated: [] })).toMatch(/🟢 verified .* by Lena Lind/);
  expect(shown("", { verified: undefined, helped: [], outdated: [lena] })).toMatch(
    /🟠 outdated, says Lena Lind .*step 2 is gone/,
  );
  // What was said before a verification no longer counts.
  expect(
    shown("verified: { on: 2026-03-02, by: olive }\n", { verified: undefined, helped: [], outdated: [lena] }),
  ).toContain("🟢 verified");
});

it("shows the steps as written, in one fence, when they cannot be filled in", () => {
  const runbook = {
    ...runbookOf(`${front()}x`),
    steps: "Do `this` {{nope}}\nthen <!here>",
    template: undefined,
  };
  const { blocks } = openedCard(openingOf(runbook, catalog, { problem: "too-slow.md:5: names nope" }));
  expect(texts(blocks)).toContain("```\\nDo 'this' {{nope}}\\nthen &lt;!here&gt;\\n```");
  expect(texts(blocks)).toContain("shown as written");
});

it("finds a runbook by name, by alert, by labels, by the service's list, in that order", () => {
  const all = [
    runbookOf(`${front("services: [shop]\n")}x`, "any"),
    runbookOf(`${front("alerts: [Slow]\n")}x`, "by-alert"),
    runbookOf(`${front("labels: { tier: db }\n")}x`, "by-label"),
    runbookOf(`${front()}x`, "listed"),
    runbookOf(`${front("services: [payments]\nalerts: [Slow]\n")}x`, "of-payments"),
  ];
  const listed = { ...catalog, services: catalog.services.map((one) => ({ ...one, runbooks: ["listed"] })) };
  const found = (wanted: Parameters<typeof chooseRunbook>[1]) => {
    const chosen = chooseRunbook(all, wanted, listed);
    return chosen.ok ? chosen.value.name : chosen.refusal;
  };
  expect(found({ name: "BY-alert" })).toBe("by-alert");
  expect(found({ service: "shop", alert: "Slow", labels: { tier: "db" } })).toBe("by-alert");
  expect(found({ service: "payments", alert: "Slow" })).toBe("of-payments");
  expect(found({ service: "shop", alert: "Other", labels: { tier: "db" } })).toBe("by-label");
  expect(found({ service: "shop", alert: "Other" })).toBe("listed");
  expect(found({ name: "by-alrt" })).toMatchObject({
    rule: "known-runbook",
    hint: expect.stringContaining("Did you mean by-alert?"),
  });
  expect(found({ alert: "Other" })).toMatchObject({ rule: "runbook-for-it" });
});
