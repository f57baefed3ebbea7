/** The `markdown` block: ordinary Markdown, as the same tree mrkdwn.js draws. */
import { isLink } from "./dom.js";
import { inline as slackInline, unescaped, withEmoji } from "./mrkdwn.js";

export function parseMarkdown(text, env) {
  const nodes = [];
  const rows = text.split("\n");
  for (let i = 0; i < rows.length; ) {
    const row = rows[i];
    const fence = /^```/.test(row);
    const heading = /^(#{1,6})\s+(.*)$/.exec(row);
    if (fence) {
      const end = rows.findIndex((one, at) => at > i && /^```\s*$/.test(one));
      const stop = end < 0 ? rows.length : end;
      nodes.push({ is: "pre", text: rows.slice(i + 1, stop).join("\n") });
      i = stop + 1;
    } else if (heading) {
      nodes.push({ is: "heading", level: heading[1].length, nodes: span(heading[2], env) });
      i += 1;
    } else if (/^\s*(?:-{3,}|\*{3,}|_{3,})\s*$/.test(row)) {
      nodes.push({ is: "rule" });
      i += 1;
    } else if (/^\s*\|.*\|\s*$/.test(row) && /^\s*\|[\s:|-]+\|\s*$/.test(rows[i + 1] ?? "")) {
      const stop = endOf(rows, i, /^\s*\|.*\|\s*$/);
      const lines = [row, ...rows.slice(i + 2, stop)];
      nodes.push({ is: "table", rows: lines.map((line) => cells(line).map((cell) => span(cell, env))) });
      i = stop;
    } else if (item(row)) {
      const stop = endOf(rows, i, /^\s*(?:[-*+]|\d+[.)])\s+/);
      const items = rows.slice(i, stop).map((line) => span(item(line)[2], env));
      nodes.push({ is: "list", ordered: /\d/.test(item(row)[1]), items });
      i = stop;
    } else if (/^>/.test(row)) {
      const stop = endOf(rows, i, /^>/);
      const quoted = rows.slice(i, stop).map((line) => line.replace(/^> ?/, ""));
      nodes.push({ is: "quote", nodes: span(quoted.join("\n"), env) });
      i = stop;
    } else if (row.trim() === "") {
      i += 1;
    } else {
      const stop = endOf(rows, i, /^(?!\s*$|#{1,6}\s|```|>|\s*(?:[-*+]|\d+[.)])\s|\s*\|.*\|\s*$).+/);
      nodes.push({ is: "para", nodes: span(rows.slice(i, Math.max(stop, i + 1)).join("\n"), env) });
      i = Math.max(stop, i + 1);
    }
  }
  return nodes;
}

function item(row) {
  return /^\s*([-*+]|\d+[.)])\s+(.*)$/.exec(row);
}

function endOf(rows, start, pattern) {
  let end = start;
  while (end < rows.length && pattern.test(rows[end])) end++;
  return end;
}

function cells(row) {
  return row
    .trim()
    .replace(/^\||\|$/g, "")
    .split("|")
    .map((cell) => cell.trim());
}

const spans = [
  [/^`([^`\n]+)`/, (m) => ({ is: "code", text: m[1] })],
  [/^\*\*([^*\n]+)\*\*/, (m, env) => ({ is: "bold", nodes: span(m[1], env) })],
  [/^__([^_\n]+)__/, (m, env) => ({ is: "bold", nodes: span(m[1], env) })],
  [/^~~([^~\n]+)~~/, (m, env) => ({ is: "strike", nodes: span(m[1], env) })],
  [/^\*([^*\s][^*\n]*)\*/, (m, env) => ({ is: "italic", nodes: span(m[1], env) })],
  [/^\[([^\]\n]+)\]\(([^()\s]+)\)/, (m, env) => linkNode(m, env)],
  [/^<((?:@|#|!)[^<>\n]+|https?:[^<>\s]+)>/, (m, env) => slackInline(m[0], env)[0]],
];

function linkNode(match, env) {
  const nodes = span(match[1], env);
  return isLink(match[2]) ? { is: "link", href: match[2], nodes } : { is: "text", text: match[0] };
}

function span(text, env) {
  const nodes = [];
  let plain = "";
  const flush = () => {
    if (plain !== "") nodes.push({ is: "text", text: withEmoji(unescaped(plain)) });
    plain = "";
  };
  for (let i = 0; i < text.length; ) {
    const rest = text.slice(i);
    const isWordEdge = i === 0 || /[^A-Za-z0-9]/.test(text[i - 1]);
    const italic = isWordEdge && /^_([^_\s][^_\n]*)_(?![A-Za-z0-9])/.exec(rest);
    const found = spans.map(([pattern, make]) => [pattern.exec(rest), make]).find(([match]) => match);
    if (rest[0] === "\n") {
      flush();
      nodes.push({ is: "br" });
      i += 1;
    } else if (found) {
      flush();
      nodes.push(found[1](found[0], env));
      i += found[0][0].length;
    } else if (italic) {
      flush();
      nodes.push({ is: "italic", nodes: span(italic[1], env) });
      i += italic[0].length;
    } else {
      plain += rest[0];
      i += 1;
    }
  }
  flush();
  return nodes;
}
