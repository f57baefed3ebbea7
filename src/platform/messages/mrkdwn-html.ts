/**
 * Slack's mrkdwn as HTML, for the console's pages. Everything that is no mark of ours is escaped; links lead to http(s)
 * alone. Source: Slack docs, "Formatting message text". Pure.
 */
import { DateTime } from "luxon";
import { escapeHtml } from "../http/escape.ts";
import type { Names } from "./plain.ts";

/** Who reads: how names, times and addresses look to them. */
export interface Reader {
  names: Names;
  /** IANA zone. */
  zone: string;
  now: Date;
  /** Our own address, without a slash at the end: links to it stay on the host the reader came by. */
  publicUrl: string;
  /** Path of the page of a thing (`R-12`); undefined where it has none. */
  pageOf(id: string): string | undefined;
  /** Address that shows a command before it is done; left out where commands are no links. */
  askUrl?: ((line: string) => string) | undefined;
}

/** What a colour says, for those who do not see it. */
const marks: Readonly<Record<string, readonly [colour: string, word: string]>> = {
  "⚪": ["white", "waiting"],
  "🔵": ["blue", "going"],
  "🟠": ["orange", "needs a look"],
  "🟡": ["yellow", "careful"],
  "🔴": ["red", "hurting"],
  "🟢": ["green", "well"],
  "⚫": ["black", "over"],
};

const fence = "\u2060";
const pieces =
  /```\n?([\s\S]*?)\n?```|(?<!\u2060)`((?:\u2060`\u2060|[^`\n])+)`(?!\u2060)|<([^<>\n]+)>|(?<![^\s([{"'—–.,:;!?/|*_~-])([*_~])(?=\S)((?:<[^<>\n]+>|\u2060\4\u2060|(?!\4)[^\n<])+?)(?<!\s)\4(?![^\s)\]}.,:;!?/|*_~<"'—–-])|\n/g;
const tags: Readonly<Record<string, string>> = { "*": "strong", _: "em", "~": "s" };

export function mrkdwnHtml(text: string, reader: Reader): string {
  let html = "";
  let done = 0;
  for (const match of text.matchAll(pieces)) {
    const [whole, block, code, token, mark, inner] = match;
    html += plainHtml(text.slice(done, match.index), reader);
    done = match.index + whole.length;
    if (block !== undefined) html += `<pre>${escapeHtml(readable(block, reader))}</pre>`;
    else if (code !== undefined) html += codeHtml(readable(code, reader), reader);
    else if (token !== undefined) html += tokenHtml(token, reader);
    else if (mark !== undefined && inner !== undefined)
      html += `<${tags[mark]}>${mrkdwnHtml(inner, reader)}</${tags[mark]}>`;
    else html += "<br>";
  }
  return html + plainHtml(text.slice(done), reader);
}

/** Plain text with its state marks drawn and ids that have a page linked. */
function plainHtml(text: string, reader: Reader): string {
  return unescaped(text)
    .split(/(⚪|🔵|🟡|🟠|🔴|🟢|⚫|(?<![\w-])[A-Z]-[1-9][0-9]{0,9}(?![\w-]))/u)
    .map((part) => {
      const known = marks[part];
      if (known) return `<span class="mark ${known[0]}" role="img" aria-label="${known[1]}">${part}</span>`;
      const page = /^[A-Z]-[0-9]+$/.test(part) ? reader.pageOf(part) : undefined;
      return page === undefined ? escapeHtml(part) : `<a href="${escapeHtml(page)}">${part}</a>`;
    })
    .join("");
}

/** A line people may type is a link to where it is shown and done; one with gaps to fill in is text. */
function codeHtml(code: string, { askUrl }: Reader): string {
  const line = /^\/ops(?: (.+))?$/.exec(code)?.[1];
  if (line === undefined || askUrl === undefined || /[<[…]/.test(line))
    return `<code>${escapeHtml(code)}</code>`;
  return `<a href="${escapeHtml(askUrl(line))}"><code>${escapeHtml(line)}</code></a>`;
}

function tokenHtml(token: string, reader: Reader): string {
  const [target, label] = partsOf(token);
  const date = /^!date\^(\d+)\^([^^]*)/.exec(target);
  if (date) {
    const at = new Date(Number(date[1]) * 1_000);
    if (Number.isNaN(at.getTime())) return escapeHtml(label ?? target);
    return `<time datetime="${at.toISOString()}" title="${at.toISOString()}">${escapeHtml(dateText(at, unescaped(date[2] ?? ""), reader))}</time>`;
  }
  const named = nameText(target, label, reader);
  if (named !== undefined) return `<span class="mention">${escapeHtml(named)}</span>`;
  const href = hrefOf(unescaped(target), reader);
  if (href === undefined) return escapeHtml(label ?? unescaped(`<${token}>`));
  return `<a href="${escapeHtml(href)}"${href.startsWith("/") ? "" : ' rel="noopener noreferrer"'}>${escapeHtml(label ?? unescaped(target))}</a>`;
}

/** A path of ours, or an address elsewhere; undefined for what is neither. */
export function hrefOf(url: string, { publicUrl }: Pick<Reader, "publicUrl">): string | undefined {
  if (!/^https?:\/\/[^\s]+$/i.test(url)) return undefined;
  return publicUrl !== "" && url.startsWith(`${publicUrl}/`) && !url.startsWith(`${publicUrl}//`)
    ? url.slice(publicUrl.length)
    : url;
}

/** `@Olive`, `#ops`, `@here`; undefined when the target names nobody. */
function nameText(target: string, label: string | undefined, { names }: Reader): string | undefined {
  const rest = target.slice(1);
  if (target.startsWith("@")) return `@${names.person(rest) ?? label ?? rest}`;
  if (target.startsWith("#")) return `#${names.channel(rest) ?? label ?? rest}`;
  if (target.startsWith("!subteam^")) return `@${(label ?? "group").replace(/^@/, "")}`;
  return target.startsWith("!") ? `@${label ?? rest}` : undefined;
}

function partsOf(token: string): [target: string, label: string | undefined] {
  const bar = token.indexOf("|");
  return bar < 0 ? [token, undefined] : [token.slice(0, bar), unescaped(token.slice(bar + 1))];
}

/** Text whose tokens are words: inside code nothing is a link. */
const readable = (text: string, reader: Reader): string =>
  unescaped(
    text.replace(/<([^<>\n]+)>/g, (_whole, token: string) => {
      const [target, label] = partsOf(token);
      const date = /^!date\^(\d+)\^([^^]*)/.exec(target);
      if (date) return dateText(new Date(Number(date[1]) * 1_000), date[2] ?? "", reader);
      return nameText(target, label, reader) ?? label ?? target;
    }),
  );

const unescaped = (text: string): string =>
  text.replaceAll(fence, "").replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");

/** Slack's placeholders for dates, in the reader's zone. */
function dateText(at: Date, format: string, { zone, now }: Pick<Reader, "zone" | "now">): string {
  const given = DateTime.fromJSDate(at, { zone }).setLocale("en");
  const local = given.isValid ? given : DateTime.fromJSDate(at, { zone: "utc" }).setLocale("en");
  const days = local
    .startOf("day")
    .diff(DateTime.fromJSDate(now, { zone: local.zone }).startOf("day"), "days").days;
  const dayWord = { "-1": "yesterday", "0": "today", "1": "tomorrow" }[String(Math.round(days))];
  const forms: Readonly<Record<string, () => string>> = {
    date_num: () => local.toFormat("yyyy-MM-dd"),
    date: () => local.toFormat("d LLLL yyyy"),
    date_short: () => local.toFormat("d LLL yyyy"),
    date_long: () => local.toFormat("cccc d LLLL yyyy"),
    time: () => local.toFormat("HH:mm"),
    time_secs: () => local.toFormat("HH:mm:ss"),
    ago: () => local.toRelative({ base: DateTime.fromJSDate(now) }) ?? local.toFormat("d LLL yyyy"),
  };
  return format.replace(/\{([a-z_]+)\}/g, (whole, name: string) => {
    if (name.endsWith("_pretty") && dayWord !== undefined) return dayWord;
    return forms[name.replace(/_pretty$/, "")]?.() ?? whole;
  });
}
/** A moment as a page shows it: today's by its time alone. */
export function momentHtml(at: Date, reader: Pick<Reader, "zone" | "now">): string {
  return `<time datetime="${at.toISOString()}" title="${at.toISOString()}">${escapeHtml(dateText(at, "{date_short_pretty} {time}", reader))}</time>`;
}
