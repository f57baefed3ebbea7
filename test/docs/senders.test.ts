import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { parse } from "yaml";
import { hookKinds, hookSourceSchema } from "../../src/catalog/hook-sources.ts";
import { senderOf } from "../../src/features/alerts/webhooks/senders.ts";
import { inbound } from "../features/alerts/webhooks/inbound.ts";

const page = readFileSync("docs/senders.md", "utf8");
const blocks = (language: string): string[] =>
  [...page.matchAll(new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``, "g"))].map(([, text]) => text ?? "");

it("shows sources that the catalog takes", () => {
  const sources = blocks("yaml").flatMap(
    (text) => (parse(text) as { hookSources?: unknown[] }).hookSources ?? [],
  );
  expect(sources.length).toBeGreaterThan(3);
  for (const source of sources) expect(hookSourceSchema.safeParse(source).error).toBeUndefined();
});

it("names every kind of source", () => {
  const said = page.toLowerCase().replace(/[^a-z]/g, "");
  expect(hookKinds.filter((kind) => !said.includes(kind.replace("_", "")))).toEqual([]);
});

it("gives Datadog a template whose every variable is read, filled in or left as it stands", () => {
  const template = blocks("json").find((text) => text.includes("$ALERT_TRANSITION")) ?? "";
  const read = (text: string) => senderOf("datadog")?.read(inbound("datadog", text));
  const filled = {
    ALERT_TRANSITION: "Re-Triggered",
    ALERT_CYCLE_KEY: "c-1",
    DATE: "1764064800000",
    EVENT_TITLE: "[Re-Triggered] Slow",
  };
  const text = Object.entries(filled).reduce(
    (sum, [name, value]) => sum.replace(`$${name}`, value),
    template,
  );
  expect(read(text)).toMatchObject({
    problems: [],
    alerts: [
      {
        fingerprint: "c-1",
        title: "Slow",
        startsAt: new Date(1764064800_000),
        labels: { alertname: "Slow" },
      },
    ],
  });
  // What Datadog had nothing for says nothing: neither a label nor a severity.
  expect(JSON.stringify(read(text)?.alerts)).not.toContain("$");
});
