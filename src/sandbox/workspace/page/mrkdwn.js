/**
 * Slack's mrkdwn as a tree of plain objects, so that it can be tested without a browser; `draw` makes DOM of it.
 * Source: Slack docs, "Formatting message text".
 */
import { h, isLink } from "./dom.js";

const entities = { "&amp;": "&", "&lt;": "<", "&gt;": ">" };
const emoji = {
  white_check_mark: "✅",
  heavy_check_mark: "✔️",
  x: "❌",
  warning: "⚠️",
  rotating_light: "🚨",
  fire: "🔥",
  eyes: "👀",
  rocket: "🚀",
  tada: "🎉",
  bell: "🔔",
  lock: "🔒",
  key: "🔑",
  mag: "🔍",
  hourglass: "⌛",
  wave: "👋",
  "+1": "👍",
  thumbsup: "👍",
  white_circle: "⚪",
  black_circle: "⚫",
  red_circle: "🔴",
  large_blue_circle: "🔵",
  large_green_circle: "🟢",
  large_orange_circle: "🟠",
  large_yellow_circle: "🟡",
  chart_with_upwards_trend: "📈",
  book: "📖",
  memo: "📝",
};

export function unescaped(text) {
  return text.replace(/&(?:amp|lt|gt);/g, (entity) => entities[entity]);
}

export function withEmoji(text) {
  return text.replace(/:([a-z0-9_+-]+):/g, (whole, name) => emoji[name] ?? whole);
}

/** Text as mrkdwn. `env`: { user(id), channel(id), group(id), now?, timeZone? } */
export function parse(text, env) {
  const nodes = [];
  for (const [index, part] of text.split(/\n?```\n?([\s\S]*?)\n?```\n?/).entries()) {
    if (index % 2 === 1) nodes.push({ is: "pre", text: unescaped(tokensAsText(part, env)) });
    else if (part !== "") nodes.push(...lines(part, env));
  }
  return nodes;
}

function lines(text, env) {
  const nodes = [];
  let quote = [];
  const endQuote = () => {
    if (quote.length > 0) nodes.push({ is: "quote", nodes: inline(quote.join("\n"), env) });
    quote = [];
  };
  let plain = [];
  const endPlain = () => {
    if (plain.length > 0) nodes.push(...inline(plain.join("\n"), env));
    plain = [];
  };
  for (const line of text.split("\n")) {
    const quoted = /^(?:&gt;|>) ?(.*)$/.exec(line);
    if (quoted) {
      endPlain();
      quote.push(quoted[1]);
    } else {
      endQuote();
      plain.push(line);
    }
  }
  endQuote();
  endPlain();
  return nodes;
}

const marks = { "*": "bold", _: "italic", "~": "strike" };
const before = /[\s([{"'—–\-.,:;!?/|*_~]/;

export function inline(text, env) {
  const nodes = [];
  let plain = "";
  const flush = () => {
    if (plain !== "") nodes.push({ is: "text", text: withEmoji(unescaped(plain)) });
    plain = "";
  };
  for (let i = 0; i < text.length; ) {
    const rest = text.slice(i);
    const code = /^`([^`\n]+)`/.exec(rest);
    const token = /^<([^<>\n]+)>/.exec(rest);
    const mark = marks[rest[0]] && spanAt(text, i);
    if (code) {
      flush();
      nodes.push({ is: "code", text: unescaped(tokensAsText(code[1], env)) });
      i += code[0].length;
    } else if (token) {
      flush();
      nodes.push(tokenNode(token[1], env));
      i += token[0].length;
    } else if (mark) {
      flush();
      nodes.push({ is: marks[rest[0]], nodes: inline(mark, env) });
      i += mark.length + 2;
    } else if (rest[0] === "\n") {
      flush();
      nodes.push({ is: "br" });
      i += 1;
    } else {
      plain += rest[0];
      i += 1;
    }
  }
  flush();
  return nodes;
}

/** What stands between this mark and its twin, when both stand at the edge of words. */
function spanAt(text, start) {
  const mark = text[start];
  if (start > 0 && !before.test(text[start - 1])) return undefined;
  for (let end = start + 2; end < text.length; end++) {
    if (text[end] === "\n") return undefined;
    if (text[end] === "<") {
      const close = text.indexOf(">", end);
      if (close > 0) end = close;
      continue;
    }
    if (text[end] !== mark) continue;
    const inner = text.slice(start + 1, end);
    const next = text[end + 1];
    if (/^\s|\s$/.test(inner) || (next !== undefined && !before.test(next) && !/[)\]}<]/.test(next)))
      continue;
    return inner;
  }
  return undefined;
}

function tokenNode(token, env) {
  const bar = token.indexOf("|");
  const target = bar < 0 ? token : token.slice(0, bar);
  const label = bar < 0 ? undefined : unescaped(token.slice(bar + 1));
  if (target.startsWith("@"))
    return { is: "mention", text: `@${env.user(target.slice(1)) ?? label ?? target.slice(1)}` };
  if (target.startsWith("#")) {
    return {
      is: "mention",
      text: `#${env.channel(target.slice(1)) ?? label ?? target.slice(1)}`,
      href: target,
    };
  }
  if (target.startsWith("!subteam^")) {
    return { is: "mention", text: `@${env.group(target.slice(9)) ?? label ?? "group"}` };
  }
  if (target.startsWith("!date^")) return dateNode(target, label, env);
  if (target.startsWith("!")) return { is: "mention", text: `@${label ?? target.slice(1)}` };
  const href = unescaped(target);
  return isLink(href)
    ? { is: "link", href, text: label ?? href }
    : { is: "text", text: label ?? unescaped(`<${token}>`) };
}

function dateNode(target, fallback, env) {
  const [, sec, format = "{date} {time}", href] = target.split("^");
  const moment = new Date(Number(sec) * 1000);
  if (!Number.isFinite(moment.getTime())) return { is: "text", text: fallback ?? target };
  return {
    is: "date",
    text: formatDate(moment, unescaped(format), env),
    title: moment.toISOString(),
    ...(href && isLink(href) ? { href } : {}),
  };
}

/** Slack's date placeholders in the reader's own zone. Source: Slack docs, "Formatting message text", dates. */
export function formatDate(moment, format, env = {}) {
  const now = env.now?.() ?? new Date();
  const show = (options) =>
    new Intl.DateTimeFormat("en-GB", { timeZone: env.timeZone, ...options }).format(moment);
  const dates = {
    date_num: () => new Intl.DateTimeFormat("sv-SE", { timeZone: env.timeZone }).format(moment),
    date: () => show({ day: "numeric", month: "long", year: "numeric" }),
    date_short: () => show({ day: "numeric", month: "short", year: "numeric" }),
    date_long: () => show({ weekday: "long", day: "numeric", month: "long", year: "numeric" }),
    time: () => show({ hour: "2-digit", minute: "2-digit" }),
    time_secs: () => show({ hour: "2-digit", minute: "2-digit", second: "2-digit" }),
    ago: () => agoText(moment, now),
  };
  return format.replace(/\{([a-z_]+)\}/g, (whole, name) => {
    const pretty = name.endsWith("_pretty") ? dayWord(moment, now, env.timeZone) : undefined;
    return pretty ?? dates[name.replace(/_pretty$/, "")]?.() ?? whole;
  });
}

function dayWord(moment, now, timeZone) {
  const day = (date) => new Intl.DateTimeFormat("sv-SE", { timeZone }).format(date);
  const dayMs = 86_400_000;
  if (day(moment) === day(now)) return "today";
  if (day(moment) === day(new Date(now.getTime() - dayMs))) return "yesterday";
  if (day(moment) === day(new Date(now.getTime() + dayMs))) return "tomorrow";
  return undefined;
}

function agoText(moment, now) {
  const sec = Math.round((moment.getTime() - now.getTime()) / 1000);
  const [unit, size] = [
    ["day", 86_400],
    ["hour", 3_600],
    ["minute", 60],
    ["second", 1],
  ].find(([, seconds]) => Math.abs(sec) >= seconds) ?? ["second", 1];
  return new Intl.RelativeTimeFormat("en", { numeric: "auto" }).format(Math.round(sec / size), unit);
}

/** Inside code Slack still resolves its own tokens, but to text only. */
function tokensAsText(text, env) {
  return text.replace(/<([^<>\n]+)>/g, (_whole, token) => tokenNode(token, env).text);
}

const dots = {
  "⚪": "white",
  "🔵": "blue",
  "🟠": "orange",
  "🔴": "red",
  "🟢": "green",
  "⚫": "black",
  "🟡": "yellow",
};

/** State marks are drawn, so that they look the same on a machine without an emoji font. */
export function marked(text) {
  return text
    .split(/(⚪|🔵|🟠|🔴|🟢|⚫|🟡)/u)
    .map((part) => (dots[part] ? h("span", { className: `dot ${dots[part]}` }, part) : part));
}

export function draw(nodes) {
  return nodes.map((node) => {
    switch (node.is) {
      case "text":
        return h("span", {}, marked(node.text));
      case "br":
        return h("br");
      case "bold":
        return h("strong", {}, draw(node.nodes));
      case "italic":
        return h("em", {}, draw(node.nodes));
      case "strike":
        return h("s", {}, draw(node.nodes));
      case "code":
        return h("code", {}, node.text);
      case "pre":
        return h("pre", {}, node.text);
      case "quote":
        return h("blockquote", {}, draw(node.nodes));
      case "date":
        return node.href
          ? h(
              "a",
              { href: node.href, target: "_blank", rel: "noopener noreferrer", title: node.title },
              node.text,
            )
          : h("time", { datetime: node.title, title: node.title }, node.text);
      case "mention":
        return node.href
          ? h("a", { className: "mention", href: node.href }, node.text)
          : h("span", { className: "mention" }, node.text);
      case "link":
        return h(
          "a",
          { href: node.href, target: "_blank", rel: "noopener noreferrer" },
          node.nodes ? draw(node.nodes) : node.text,
        );
      case "heading":
        return h(`h${Math.min(6, node.level + 2)}`, {}, draw(node.nodes));
      case "para":
        return h("p", {}, draw(node.nodes));
      case "rule":
        return h("hr");
      case "list":
        return h(
          node.ordered ? "ol" : "ul",
          {},
          node.items.map((item) => h("li", {}, draw(item))),
        );
      case "table":
        return drawTable(node);
      default:
        return "";
    }
  });
}

export function drawTable(node) {
  const [head, ...rows] = node.rows;
  return h(
    "div",
    { className: "table" },
    h(
      "table",
      {},
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          (head ?? []).map((cell) => h("th", {}, draw(cell))),
        ),
      ),
      h(
        "tbody",
        {},
        rows.map((row) =>
          h(
            "tr",
            {},
            row.map((cell) => h("td", {}, draw(cell))),
          ),
        ),
      ),
    ),
  );
}
