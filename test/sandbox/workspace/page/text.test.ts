import { expect, it } from "vitest";

interface Node {
  is: string;
  text?: string;
  href?: string;
  nodes?: Node[];
  rows?: Node[][][];
  items?: Node[][];
}
interface Env {
  user(id: string): string | undefined;
  channel(id: string): string | undefined;
  group(id: string): string | undefined;
  now?: () => Date;
  timeZone?: string;
}
type Parse = (text: string, env: Env) => Node[];
interface Offer {
  shown: string;
  insert: string;
}

/** The page's files are plain JavaScript for the browser; here they are only asked for what needs no document. */
async function load<T>(name: string): Promise<T> {
  return (await import(/* @vite-ignore */ `../../../../src/sandbox/workspace/page/${name}`)) as T;
}
const { parse, formatDate } = await load<{
  parse: Parse;
  formatDate(at: Date, format: string, env: object): string;
}>("mrkdwn.js");
const { parseMarkdown } = await load<{ parseMarkdown: Parse }>("markdown.js");
const { proposals } = await load<{ proposals(text: string, know: object): Offer[] }>("composer.js");

const env: Env = {
  user: (id) => ({ U0ADA: "ada" })[id],
  channel: (id) => ({ C0OPS: "ops" })[id],
  group: (id) => ({ S0LEADS: "leads" })[id],
  now: () => new Date("2026-03-05T12:00:00Z"),
  timeZone: "Europe/Berlin",
};

function flat(nodes: readonly Node[]): string {
  return nodes
    .map((one) =>
      one.is === "text" ? one.text : `[${one.is} ${one.nodes ? flat(one.nodes) : (one.text ?? "")}]`,
    )
    .join("");
}

it("reads marks only at the edge of words, as Slack does", () => {
  expect(flat(parse("*bold* _it_ ~no~ `a*b*`", env))).toBe("[bold bold] [italic it] [strike no] [code a*b*]");
  expect(flat(parse("snake_case_name 2*3*4 *open", env))).toBe("snake_case_name 2*3*4 *open");
  expect(flat(parse("*shop* · _<@U0ADA>_", env))).toBe("[bold shop] · [italic [mention @ada]]");
  expect(flat(parse("*p99:* up (*a*)", env))).toBe("[bold p99:] up ([bold a])");
});

it("shows escaped markup and unknown tokens as text", () => {
  expect(flat(parse("&lt;b&gt; &amp;amp; &lt;!channel&gt;", env))).toBe("<b> &amp; <!channel>");
  expect(parse("<javascript:alert(1)|click>", env)).toEqual([{ is: "text", text: "click" }]);
  expect(parse("<https://x.example/?a=1&amp;b=2|console>", env)).toEqual([
    { is: "link", href: "https://x.example/?a=1&b=2", text: "console" },
  ]);
});

it("names people, channels and groups", () => {
  expect(flat(parse("<@U0ADA> <#C0OPS> <!subteam^S0LEADS> <!here> <@U0NONE>", env))).toBe(
    "[mention @ada] [mention #ops] [mention @leads] [mention @here] [mention @U0NONE]",
  );
});

it("reads code blocks and quotes", () => {
  expect(flat(parse("say\n```\n*not bold* &lt;\n```\n&gt; quoted\nplain", env))).toBe(
    "say[pre *not bold* <][quote quoted]plain",
  );
});

it("shows date tokens in the reader's own zone", () => {
  const sec = Date.parse("2026-03-05T11:30:15Z") / 1000;
  const show = (format: string, at = sec): string =>
    flat(parse(`<!date^${at}^${format}|fallback>`, env)).replace(/^\[date (.*)\]$/, "$1");
  expect(show("{date_num} {time}")).toBe("2026-03-05 12:30");
  expect(show("{date_short_pretty} at {time_secs}")).toBe("today at 12:30:15");
  expect(show("{date_pretty}", sec + 86_400)).toBe("tomorrow");
  expect(show("{date_long}")).toMatch(/^Thursday,? 5 March 2026$/);
  expect(show("{ago}")).toBe("30 minutes ago");
  expect(formatDate(new Date(sec * 1000), "{time} {nothing}", env)).toBe("12:30 {nothing}");
});

it("reads the markdown block: headings, lists, tables, code, links", () => {
  const nodes = parseMarkdown(
    "## Runbook\nLook at **deploys** and `pods`\nnow\n\n1. one\n2. [two](https://x.example)\n\n| a | b |\n|---|---|\n| 1 | *2* |\n\n```sh\nls *\n```\n> note\n---",
    env,
  );
  expect(nodes.map((one) => one.is)).toEqual(["heading", "para", "list", "table", "pre", "quote", "rule"]);
  expect(flat(nodes[1]?.nodes ?? [])).toBe("Look at [bold deploys] and [code pods][br ]now");
  expect(nodes[2]?.items?.[1]?.[0]).toMatchObject({ is: "link", href: "https://x.example" });
  expect(flat(nodes[3]?.rows?.[1]?.[1] ?? [])).toBe("[italic 2]");
  expect(nodes[4]?.text).toBe("ls *");
  expect(flat(parseMarkdown("[x](javascript:alert) snake_case", env)[0]?.nodes ?? [])).toBe(
    "[x](javascript:alert) snake_case",
  );
});

it("proposes commands after a slash, words after the bot's name, people after @", () => {
  const know = {
    commands: ["/ops"],
    completions: [
      { usage: "/ops", help: "mine" },
      { usage: "/ops status [service]", help: "state" },
      { usage: "/ops rollout start <service> <version>", help: "canary" },
    ],
    bot: "quarterdeck",
    people: [{ name: "ada", realName: "Ada" }],
  };
  expect(proposals("/ops ro", know)).toMatchObject([{ insert: "/ops rollout start " }]);
  expect(proposals("/ops status ", know).map((one) => one.insert)).toEqual(["/ops status "]);
  expect(proposals("@quarterdeck st", know)).toMatchObject([{ insert: "@quarterdeck status " }]);
  expect(proposals("ask @a", know)).toMatchObject([{ insert: "ask @ada " }]);
  expect(proposals("hello", know)).toEqual([]);
});
