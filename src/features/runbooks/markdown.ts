/**
 * An author's Markdown as Slack's mrkdwn. Done once, before any value is put in: what comes from outside is never
 * read as Markdown. Source of the target format: Slack docs, "Formatting text for app surfaces".
 */

/** Code spans, fences and expressions: what is in them is not Markdown. */
const apart = /\{\{!--[\s\S]*?--\}\}|\{\{[\s\S]*?\}\}|```[\s\S]*?(?:```|$)|`[^`\n]+`/g;
const expression = /\{\{[\s\S]*?\}\}/g;
/** `{{name}}` alone, with Handlebars' marks that trim white space. */
const variable = /^\{\{(~?)\s*([A-Za-z_][A-Za-z0-9_-]*)\s*(~?)\}\}$/;

/** Stand-ins while the rest is rewritten; private use, so no text has them. */
const held = (index: number): string => `\ue000${index}\ue001`;
const heldPattern = /\ue000(\d+)\ue001/g;
const strong = "\ue002";

/** Words that look like a variable and are Handlebars' own. */
const ownWords = new Set(["else", "this"]);

/**
 * Headings, emphasis, links and lists become mrkdwn; expressions stay. A bare variable is wrapped: `{{service}}` turns
 * into `{{text service}}`, inside code into `{{code service}}`. Names in `helpers` are left alone.
 */
export function toMrkdwn(markdown: string, helpers: ReadonlySet<string>): string {
  const kept: string[] = [];
  const keep = (text: string): string => held(kept.push(text) - 1);
  const wrap = (text: string, by: "text" | "code"): string => {
    const [, before = "", name = "", after = ""] = variable.exec(text) ?? [];
    return name === "" || helpers.has(name) || ownWords.has(name)
      ? text
      : `{{${before}${by} ${name}${after}}}`;
  };
  const codeOf = (text: string): string => {
    // Slack shows a fence's language as its first line.
    const code = text.replace(/^```[A-Za-z0-9_+-]*[ \t]*\n/, "```\n");
    let end = 0;
    let out = "";
    for (const found of code.matchAll(expression)) {
      out += escapeMarkup(code.slice(end, found.index)) + wrap(found[0], "code");
      end = found.index + found[0].length;
    }
    return out + escapeMarkup(code.slice(end));
  };

  const plain = markdown
    .replace(/[\ue000-\ue002]/g, "")
    .replace(/<!--[\s\S]*?-->/g, "")
    .replace(apart, (text) => keep(text.startsWith("{{") ? wrap(text, "text") : codeOf(text)));
  const lines = plain.split("\n").map(lineOf);
  return lines.join("\n").replace(heldPattern, (_all, index: string) => kept[Number(index)] ?? "");
}

function lineOf(line: string): string {
  const [, quote = "", rest = ""] = /^((?:> ?)*)(.*)$/s.exec(line) ?? [];
  const heading = /^#{1,6}\s+(.*?)\s*#*\s*$/.exec(rest);
  if (heading) return `${quote}*${inline((heading[1] ?? "").replace(/\*\*|__/g, ""))}*`;
  if (/^\s*(?:-{3,}|\*{3,}|_{3,})\s*$/.test(rest)) return `${quote}———`;
  const item = /^(\s*)[-*+]\s+(?:\[([ xX])\]\s+)?(.*)$/.exec(rest);
  if (item) return `${quote}${item[1]}${item[2] === undefined ? "•" : "☐"} ${inline(item[3] ?? "")}`;
  return quote + inline(rest);
}

function inline(text: string): string {
  return escapeMarkup(text.replace(/<(https?:\/\/[^<>\s]+)>/g, "[$1]($1)"))
    .replace(/!?\[([^\]\n]+)\]\((https?:\/\/[^()\s]+)\)/g, "<$2|$1>")
    .replace(
      /\*\*(\S|\S.*?\S)\*\*|__(\S|\S.*?\S)__/g,
      (_all, a?: string, b?: string) => strong + (a ?? b) + strong,
    )
    .replace(/(^|[^\w*])\*(\S|\S[^*]*?\S)\*(?![\w*])/g, "$1_$2_")
    .replace(/~~(\S|\S.*?\S)~~/g, "~$1~")
    .replaceAll(strong, "*");
}

const escapeMarkup = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

/** A value from outside where people copy from: no mark of its own, no way out of the code. */
export function escapeCode(text: string, maxChars = 300): string {
  const clean = text
    .toWellFormed()
    // biome-ignore lint/suspicious/noControlCharactersInRegex: controls are what is taken out.
    .replace(/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]+/g, " ")
    .replaceAll("`", "'");
  return escapeMarkup([...clean].slice(0, maxChars).join(""));
}

/** Text in parts below `maxChars`, cut between lines; a fence that is cut is closed and opened again. */
export function inParts(text: string, maxChars: number): string[] {
  const fence = "```";
  const room = maxChars - 2 * (fence.length + 1);
  const parts: string[] = [];
  let part = "";
  let isInFence = false;
  const close = (): void => {
    if (part.trim() !== "") parts.push(isInFence ? `${part}\n${fence}` : part);
    part = isInFence ? fence : "";
  };
  for (const line of text.split("\n").flatMap((long) => pieces(long, room))) {
    if (part !== "" && part.length + 1 + line.length > room) close();
    part = part === "" ? line : `${part}\n${line}`;
    if ((line.split(fence).length - 1) % 2 === 1) isInFence = !isInFence;
  }
  isInFence = false;
  close();
  return parts;
}

function pieces(line: string, maxChars: number): string[] {
  if (line.length <= maxChars) return [line];
  const cut: string[] = [];
  let piece = "";
  for (const point of line) {
    if (piece.length + point.length > maxChars) {
      cut.push(piece);
      piece = "";
    }
    piece += point;
  }
  return [...cut, piece];
}
