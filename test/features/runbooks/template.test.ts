import { expect, it } from "vitest";
import { escapeCode, inParts, toMrkdwn } from "../../../src/features/runbooks/markdown.ts";
import { readTemplate, type TemplateHelpers } from "../../../src/features/runbooks/template.ts";
import { escapeText } from "../../../src/platform/messages/blocks.ts";

const helpers: TemplateHelpers = {
  text: (value) => escapeText(String(value)),
  code: (value) => escapeCode(String(value)),
  signal: (name) => `[${name}]`,
  deploys: (count) => `[deploys ${count ?? "all"}]`,
  budget: () => "[budget]",
  since: () => "[since]",
  link: (url, label) => `[${url} ${label}]`,
  action: ({ words, label, isDangerous }) => `[${words.join("|")} ${label} ${isDangerous}]`,
};
const render = (text: string, values: Record<string, string> = {}, inputs: string[] = []): string => {
  const read = readTemplate(text, inputs);
  if (!read.ok) throw new Error(JSON.stringify(read.problems));
  return read.template.render(values, helpers);
};
const problems = (text: string, inputs: string[] = []): string[] => {
  const read = readTemplate(text, inputs);
  return read.ok ? [] : read.problems.map(({ line, message }) => `${line}: ${message}`);
};

it("fills in helpers and variables, and leaves out blocks whose value is not there", () => {
  const text =
    '{{#if ticket}}For {{ticket}}.{{else}}No ticket.{{/if}} {{signal "a"}} {{deploys 2}} {{budget}} {{link "https://a.test" "b"}} {{action "rollback" service label="Roll back" danger=true}}';
  expect(render(text, { service: "shop" })).toBe(
    "No ticket. [a] [deploys 2] [budget] [https://a.test b] [rollback|shop Roll back true]",
  );
  expect(render(text, { service: "shop", ticket: "T-3" })).toContain("For T-3.");
});

it("turns the author's Markdown into mrkdwn and leaves code and expressions alone", () => {
  const markdown = [
    "# First **things**",
    "- a **bold** and *slanted* [page](https://a.test/x?a=1&b=2)",
    "- [ ] not done: 1 < 2",
    "> quoted",
    "`**code** {{service}}` and 2 * 3 * 4",
    "```bash",
    "run --on={{service}} && *done*",
    "```",
  ].join("\n");
  expect(toMrkdwn(markdown, new Set())).toBe(
    [
      "*First things*",
      "• a *bold* and _slanted_ <https://a.test/x?a=1&amp;b=2|page>",
      "☐ not done: 1 &lt; 2",
      "> quoted",
      "`**code** {{code service}}` and 2 * 3 * 4",
      "```",
      "run --on={{code service}} &amp;&amp; *done*",
      "```",
    ].join("\n"),
  );
});

it("shows values from outside as text: no mention, link, formatting, expression or way out of code", () => {
  const hostile = "<!channel> [x](https://evil.test) *b* `c` {{budget}} \n# h";
  const text = render("A {{alert}} B `{{alert}}` C\n```\n{{alert}}\n```", { alert: hostile });
  expect(text).not.toContain("<!channel>");
  expect(text).not.toContain("<https://evil.test");
  expect(text).not.toContain("[budget]");
  expect(text).toContain("&lt;!channel&gt;");
  // Outside code every mark is fenced by a joiner; inside code no backtick is left to end it.
  expect(text.split("`").length - 1).toBe(2 + 6 + 2);
  expect(text).toContain("\u2060`\u2060");
  expect(text).toMatch(/B `[^`\n\u2060]+` C/);
  expect(text).not.toContain("\n# h");
});

it("keeps what is copied from code as it is", () => {
  expect(render("`kubectl -n {{service}}`", { service: "my_shop" })).toBe("`kubectl -n my_shop`");
});

it.each([
  ["an unknown variable", "a\n\n{{servce}}", /^3: names "servce", which is not known; there is service,/],
  ["a path", "{{service.name}}", /^1: names "service.name"/],
  ["a prototype", "{{constructor}}", /^1: names "constructor"/],
  ["a way up", "{{../service}}", /^1: names "\.\.\/service"/],
  ["unescaped output", "x\n{{{service}}}", /^2: has \{\{\{/],
  ["a spelling that would not be escaped", "{{[service]}}", /^1: writes "service" in a way/],
  ["another block", "{{#each service}}x{{/each}}", /^1: has the block "each"/],
  ["a partial", "\n{{> other}}", /^2: has a partial/],
  ["an unknown helper", "{{lookup service 1}}", /^1: calls "lookup", which is no helper/],
  ["a signal without a name", "{{signal service}}", /^1: needs one signal by name/],
  ["an action without a command", "{{action service}}", /^1: needs a command/],
  ["an unknown word of an action", '{{action "ack" foo=1}}', /^1: action knows label= and danger=/],
  [
    "an expression in an address",
    "[a](https://x.test/{{service}})",
    /^1: has an expression in a link's address/,
  ],
  ["broken syntax", "one\ntwo {{#if service}}", /^\d: is not a template that can be read/],
  ["a variable unknown inside a block", "{{#if service}}\n{{nope}}\n{{/if}}", /^2: names "nope"/],
])("refuses %s with its line", (_what, text, words) => {
  expect(problems(text)[0]).toMatch(words);
});

it("knows the inputs a runbook declares", () => {
  expect(problems("{{host}}")).toHaveLength(1);
  expect(problems("{{host}}", ["host"])).toEqual([]);
});

it("knows the signals, helpers and actions a template asks for", () => {
  const read = readTemplate(
    '{{signal "a"}}\n{{#if ticket}}{{signal "b"}}{{/if}}\n{{action "rollback" service}}',
    [],
  );
  if (!read.ok) throw new Error("not read");
  const { signals, helpers: used, actions } = read.template.uses;
  expect(signals).toEqual(["a", "b"]);
  expect([...used]).toEqual(["signal", "action"]);
  expect(actions).toEqual([{ line: 3, command: "rollback" }]);
});

it("cuts long text between lines, and closes a fence that is cut", () => {
  const text = ["a".repeat(40), "```", "b".repeat(30), "c".repeat(30), "```", "d"].join("\n");
  const parts = inParts(text, 80);
  expect(parts.length).toBeGreaterThan(1);
  for (const part of parts) {
    expect(part.length).toBeLessThanOrEqual(80);
    expect((part.split("```").length - 1) % 2).toBe(0);
  }
  expect(parts.join("\n").replaceAll("```", "").replace(/\n+/g, "\n")).toBe(
    text.replaceAll("```", "").replace(/\n+/g, "\n"),
  );
});
