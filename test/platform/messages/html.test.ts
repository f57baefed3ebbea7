import { describe, expect, it } from "vitest";
import {
  actions,
  type Block,
  card,
  codeBlock,
  context,
  dateToken,
  escapeText,
  link,
  plain,
  section,
} from "../../../src/platform/messages/blocks.ts";
import { blocksHtml, type Scene } from "../../../src/platform/messages/html.ts";
import { inputsHtml } from "../../../src/platform/messages/inputs-html.ts";
import { mrkdwnHtml } from "../../../src/platform/messages/mrkdwn-html.ts";

const reader: Scene = {
  names: {
    person: (id) => (id === "U0LEAD" ? "Lena Lind" : undefined),
    channel: (id) => (id === "C0OPS" ? "ops" : undefined),
  },
  zone: "Europe/Berlin",
  now: new Date("2026-11-25T12:00:00Z"),
  publicUrl: "https://q.example",
  pageOf: (id) => (id.startsWith("R-") ? `/rollouts/${id}` : undefined),
};
const scene: Scene = { ...reader, forms: { csrf: "tok", id: "11", next: "/inbox?a=1&b=2" } };

const dangerous = `<script>alert(1)</script> "quoted" 'single' & <!channel> <https://evil.example|click> *bold* \`code\``;

describe("mrkdwn as HTML", () => {
  it.each([
    ["bold", "*shop* is well", "<strong>shop</strong> is well"],
    ["italic and strike", "_v41_ ~v42~", "<em>v41</em> <s>v42</s>"],
    ["no mark inside a word", "snake_case_name 2*3*4", "snake_case_name 2*3*4"],
    [
      "marks around a link",
      "*<https://x.example/a|the graph>*",
      '<strong><a href="https://x.example/a" rel="noopener noreferrer">the graph</a></strong>',
    ],
    [
      "code, in which nothing is read",
      "`a *b* <c>`".replace("<c>", "&lt;c&gt;"),
      "<code>a *b* &lt;c&gt;</code>",
    ],
    [
      "a block of code",
      codeBlock(["psql -c 'select 1 < 2'"]),
      "<pre>psql -c &#39;select 1 &lt; 2&#39;</pre>",
    ],
    ["lines", "one\ntwo", "one<br>two"],
    [
      "a link of our own stays on this host",
      link("https://q.example/access/G-3", "claim it"),
      '<a href="/access/G-3">claim it</a>',
    ],
    [
      "a link elsewhere that looks like ours",
      link("https://q.example.evil.example/x", "x"),
      '<a href="https://q.example.evil.example/x" rel="noopener noreferrer">x</a>',
    ],
    ["no link but to http", "<javascript:alert(1)|press>", "press"],
    ["no link to data", "<data:text/html,x|press>", "press"],
    ["a person by name", "<@U0LEAD>", '<span class="mention">@Lena Lind</span>'],
    ["a person the catalog does not know", "<@U9NOBODY>", '<span class="mention">@U9NOBODY</span>'],
    ["a channel", "<#C0OPS>", '<span class="mention">#ops</span>'],
    [
      "a group and everybody, who are not called by a page",
      "<!subteam^S1|@leads> <!here>",
      '<span class="mention">@leads</span> <span class="mention">@here</span>',
    ],
    [
      "an id that has a page",
      "see R-12, T-3 and INC-42",
      'see <a href="/rollouts/R-12">R-12</a>, T-3 and INC-42',
    ],
    [
      "a state mark with its word",
      "🔴 shop",
      '<span class="mark red" role="img" aria-label="hurting">🔴</span> shop',
    ],
  ])("shows %s", (_what, text, html) => {
    expect(mrkdwnHtml(text, reader)).toBe(html);
  });

  it("shows times in the reader's zone, with the day where it is another", () => {
    const at = new Date("2026-11-24T23:30:00Z");
    expect(mrkdwnHtml(dateToken(at, "date_time"), reader)).toContain(">today 00:30</time>");
    expect(mrkdwnHtml(dateToken(at), { ...reader, zone: "UTC" })).toContain(">23:30:00</time>");
    expect(mrkdwnHtml(dateToken(at, "date_time"), { ...reader, zone: "UTC" })).toContain(
      ">yesterday 23:30</time>",
    );
    expect(mrkdwnHtml(dateToken(at, "ago"), reader)).toContain(">12 hours ago</time>");
    expect(mrkdwnHtml(dateToken(at), { ...reader, zone: "Mars/Base" })).toContain(">23:30:00</time>");
  });

  it("lets nothing from outside become a tag, a link or a mark", () => {
    const html = mrkdwnHtml(`*${escapeText(dangerous)}*`, reader);
    expect(html).toBe(
      "<strong>&lt;script&gt;alert(1)&lt;/script&gt; &quot;quoted&quot; &#39;single&#39; &amp; &lt;!channel&gt; &lt;https://evil.example|click&gt; *bold* `code`</strong>",
    );
    // Even text that nobody escaped on its way in.
    expect(mrkdwnHtml('<b onclick="x">', reader)).not.toContain("<b");
    expect(mrkdwnHtml('<https://x.example/"onmouseover="y|z>', reader)).toContain("&quot;onmouseover=&quot;");
  });

  it("links a line that may be typed, and not one with gaps", () => {
    const asking = { ...reader, askUrl: (line: string) => `/form?line=${line}` };
    expect(mrkdwnHtml("`/ops ack T-3`", asking)).toBe(
      '<a href="/form?line=ack T-3"><code>ack T-3</code></a>',
    );
    expect(mrkdwnHtml("`/ops help &lt;command&gt;`", asking)).toBe("<code>/ops help &lt;command&gt;</code>");
  });

  it("reads a long hostile line at once", () => {
    const began = performance.now();
    mrkdwnHtml(`${"*a\u2060*\u2060_b ".repeat(400)}${"<".repeat(500)}`, reader);
    expect(performance.now() - began).toBeLessThan(500);
  });
});

describe("a card as HTML", () => {
  const shown = card({
    mark: "🟠",
    headline: "shop · rollout R-12 v41 → v42 · 10 %",
    context: ["owner storefront", link("https://q.example/rollouts/R-12", "R-12")],
    facts: [["Latency", `p99 <b>`.replace("<b>", escapeText("<b>"))]],
    verbs: [
      { label: "Promote", line: 'rollout promote R-12 "a&b"', style: "primary" },
      {
        label: "Revert",
        line: "rollout revert R-12",
        style: "danger",
        confirm: "Takes all traffic back to v41 <now>.",
      },
    ],
    more: [
      { label: "Deny", line: "modal access deny: G-3" },
      { label: "Why", line: "why R-12" },
    ],
    last: "Took 2 min.",
  });

  it("has its verbs as forms with the line, the token and a way back, each escaped", () => {
    const html = blocksHtml(shown.blocks, scene);
    expect(html).toContain(
      '<input type="hidden" name="line" value="rollout promote R-12 &quot;a&amp;b&quot;">',
    );
    expect(html).toContain('<input type="hidden" name="csrf" value="tok">');
    expect(html).toContain('<input type="hidden" name="next" value="/inbox?a=1&amp;b=2">');
    expect(html).toContain('<button class="primary">Promote</button>');
    expect(html).toContain('<button class="plain">Why</button>');
    expect(html).toContain("<div><dt>Latency</dt><dd>p99 &lt;b&gt;</dd></div>");
    expect(html).toContain('<a href="/rollouts/R-12">R-12</a>');
  });

  it("asks before what is confirmed, without a script", () => {
    const html = blocksHtml(shown.blocks, scene);
    const details = /<details class="confirm">.*?<\/details>/s.exec(html)?.[0] ?? "";
    expect(details).toContain('<summary class="button danger">Revert…</summary>');
    expect(details).toContain("Takes all traffic back to v41 &lt;now&gt;.");
    expect(details).toContain('name="line" value="rollout revert R-12"');
  });

  it("opens a form by a link, which changes nothing", () => {
    expect(blocksHtml(shown.blocks, scene)).toContain(
      '<a class="button" href="/form?line=modal+access+deny%3A+G-3&amp;next=%2Finbox%3Fa%3D1%26b%3D2">Deny…</a>',
    );
  });

  it("shows and offers nothing to press where there is no form", () => {
    const html = blocksHtml(shown.blocks, reader);
    expect(html).not.toContain("<form");
    expect(html).toContain("rollout");
  });

  it("puts the chart before the buttons, or last", () => {
    const chart = { src: "/chart?key=a", alt: "p99 of shop" };
    const image = '<img class="chart" src="/chart?key=a"';
    const html = blocksHtml(shown.blocks, { ...scene, chart });
    expect(html.indexOf(image)).toBeGreaterThan(html.indexOf("Latency"));
    expect(html.indexOf(image)).toBeLessThan(html.indexOf("Promote"));
    expect(blocksHtml([section("a")], { ...scene, chart })).toContain(image);
  });

  it("shows every kind of block, and an address to open only where it is http", () => {
    const blocks: Block[] = [
      { type: "header", text: plain("Head <x>") },
      { type: "divider" },
      { type: "markdown", text: "# Step <1>" },
      { type: "image", slack_file: { id: "F1" }, alt_text: "a chart" },
      context("one", "two"),
      ...actions([
        { label: "Graph", url: "https://grafana.example/d/1" },
        { label: "Bad", url: "javascript:alert(1)" },
      ]),
    ];
    const html = blocksHtml(blocks, scene);
    expect(html).toContain("Head &lt;x&gt;");
    expect(html).toContain("<span>one</span> <span>two</span>");
    expect(html).toContain('<a class="button" href="https://grafana.example/d/1">Graph</a>');
    expect(html).not.toContain("javascript:");
  });
});

describe("a form as HTML", () => {
  const blocks: Block[] = [
    section("*G-3*: why"),
    {
      type: "input",
      block_id: "role",
      label: plain("Role"),
      element: {
        type: "static_select",
        options: [
          { text: plain("read <only>"), value: "ro" },
          { text: plain("write"), value: "rw" },
        ],
        initial_option: { text: plain("write"), value: "rw" },
      },
    },
    {
      type: "input",
      block_id: "reason",
      label: plain("Why"),
      hint: plain("No passwords."),
      element: { type: "plain_text_input", max_length: 300 },
    },
    {
      type: "input",
      block_id: "who",
      label: plain("Who"),
      optional: true,
      element: { type: "users_select" },
    },
    {
      type: "input",
      block_id: "text",
      label: plain("Text"),
      element: { type: "plain_text_input", multiline: true },
    },
  ];

  it("labels each input, keeps what was filled in, and says at the input what is wrong", () => {
    const html = inputsHtml(blocks, reader, {
      values: { reason: 'a "b" <c>', role: "ro" },
      error: { field: "reason", message: "reason: no secrets <here>" },
      people: [{ id: "U0LEAD", name: "Lena Lind" }],
    });
    expect(html).toContain('<label for="in-reason">Why</label>');
    expect(html).toContain('value="a &quot;b&quot; &lt;c&gt;"');
    expect(html).toContain(
      'aria-describedby="in-reason-hint in-reason-error" aria-invalid="true" maxlength="300"',
    );
    expect(html).toContain("reason: no secrets &lt;here&gt;");
    expect(html).toContain('<option value="ro" selected>read &lt;only&gt;</option>');
    expect(html).toContain('<option value="U0LEAD">Lena Lind</option>');
    expect(html).toContain("<textarea");
    expect(html).toContain("<strong>G-3</strong>");
  });

  it("starts with the given choice, and requires all but what may be left out", () => {
    const html = inputsHtml(blocks, reader, { people: [] });
    expect(html).toContain('<option value="rw" selected>write</option>');
    expect(html.match(/ required/g)).toHaveLength(3);
  });
});
