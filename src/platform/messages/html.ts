/** Block Kit as HTML: a card on a page of the console looks and acts as it does in Slack. Pure. */
import { escapeHtml } from "../http/escape.ts";
import type { Block, Button, Confirm, Overflow, Text } from "./blocks.ts";
import { hrefOf, mrkdwnHtml, type Reader } from "./mrkdwn-html.ts";

/** What a form on a page carries beside its command. */
export interface FormParts {
  csrf: string;
  /** Made anew for each page: the same command of one page sent twice is done once. */
  id: string;
  /** Path the answer leads back to. */
  next: string;
}

export interface Scene extends Reader {
  /** Left out, nothing can be pressed. */
  forms?: FormParts | undefined;
  /** The drawn chart, put before the buttons as in Slack. */
  chart?: { src: string; alt: string } | undefined;
}

/** A line that opens a form: `modal <command>[: words]`. */
export const modalLine = /^modal ([a-z-]+(?: [a-z-]+)?)(?:: (.*))?$/s;

export function blocksHtml(blocks: readonly Block[], scene: Scene): string {
  const chart = scene.chart
    ? `<p><img class="chart" src="${escapeHtml(scene.chart.src)}" width="640" height="380" alt="${escapeHtml(scene.chart.alt)}"></p>`
    : "";
  const at = blocks.findIndex(({ type }) => type === "actions");
  const parts = blocks.map((block) => blockHtml(block, scene));
  parts.splice(at < 0 ? parts.length : at, 0, chart);
  return parts.join("");
}

/** A message: its blocks, or its text where it has none. */
export const messageHtml = (
  message: { text: string; blocks?: readonly Block[] | undefined },
  scene: Scene,
): string =>
  message.blocks && message.blocks.length > 0
    ? blocksHtml(message.blocks, scene)
    : `<p>${mrkdwnHtml(message.text, scene)}</p>`;

function blockHtml(block: Block, scene: Scene): string {
  switch (block.type) {
    case "section": {
      const text = block.text ? `<div class="text">${textHtml(block.text, scene)}</div>` : "";
      const fields = block.fields
        ? `<dl>${block.fields.map((field) => fieldHtml(field, scene)).join("")}</dl>`
        : "";
      const accessory = block.accessory
        ? `<div class="actions">${elementHtml(block.accessory, scene)}</div>`
        : "";
      return text + fields + accessory;
    }
    case "context":
      return `<p class="context">${block.elements.map((element) => `<span>${textHtml(element, scene)}</span>`).join(" ")}</p>`;
    case "header":
      return `<p class="header">${textHtml(block.text, scene)}</p>`;
    case "divider":
      return "<hr>";
    case "markdown":
      return `<pre>${escapeHtml(block.text)}</pre>`;
    case "image":
      return `<p>${escapeHtml(block.alt_text)}</p>`;
    case "actions":
      return scene.forms
        ? `<div class="actions">${block.elements.map((element) => elementHtml(element, scene)).join("")}</div>`
        : "";
    case "input":
      return "";
  }
}

const textHtml = (text: Text, scene: Scene): string =>
  text.type === "mrkdwn" ? mrkdwnHtml(text.text, scene) : escapeHtml(text.text);

/** `*Name*⏎value`, as all our facts are. */
function fieldHtml(field: Text, scene: Scene): string {
  const named = field.type === "mrkdwn" ? /^\*([^*\n]+)\*\n([\s\S]*)$/.exec(field.text) : null;
  if (named === null) return `<div>${textHtml(field, scene)}</div>`;
  return `<div><dt>${mrkdwnHtml(named[1] ?? "", scene)}</dt><dd>${mrkdwnHtml(named[2] ?? "", scene)}</dd></div>`;
}

function elementHtml(element: Button | Overflow, scene: Scene): string {
  if (scene.forms === undefined) return "";
  if (element.type === "overflow")
    return element.options
      .map(({ text, value }) => verbHtml({ label: text.text, line: value, confirm: element.confirm }, scene))
      .join("");
  if (element.url !== undefined) {
    const href = hrefOf(element.url, scene);
    return href === undefined
      ? ""
      : `<a class="button" href="${escapeHtml(href)}">${escapeHtml(element.text.text)}</a>`;
  }
  const { text, value, style, confirm } = element;
  return value === undefined ? "" : verbHtml({ label: text.text, line: value, style, confirm }, scene);
}

interface PressedVerb {
  label: string;
  line: string;
  style?: "danger" | "primary" | undefined;
  confirm?: Confirm | undefined;
}

/** A form that opens is a link; what is confirmed shows first what it will do. */
function verbHtml({ label, line, style, confirm }: PressedVerb, scene: Scene): string {
  const kind = style === undefined ? "" : ` ${style}`;
  if (modalLine.test(line))
    return `<a class="button${kind}" href="${escapeHtml(formUrl(line, scene.forms?.next))}">${escapeHtml(label)}…</a>`;
  if (confirm === undefined) return pressForm(line, label, style, scene);
  return `<details class="confirm"><summary class="button${kind}">${escapeHtml(label)}…</summary><div class="asks"><p>${textHtml(confirm.text, scene)}</p>${pressForm(line, confirm.confirm.text, style, scene)}</div></details>`;
}

/** Where a line is shown before it is done: its form, or the line with a button. */
export const formUrl = (line: string, next?: string): string =>
  `/form?${new URLSearchParams({ line, ...(next === undefined ? {} : { next }) })}`;

export function hiddenFields({ csrf, id, next }: FormParts, line: string): string {
  return Object.entries({ csrf, id, next, line })
    .map(([name, value]) => `<input type="hidden" name="${name}" value="${escapeHtml(value)}">`)
    .join("");
}

export function pressForm(
  line: string,
  label: string,
  style: "danger" | "primary" | undefined,
  { forms }: Pick<Scene, "forms">,
): string {
  if (forms === undefined) return "";
  return `<form method="post" action="/do">${hiddenFields(forms, line)}<button class="${style ?? "plain"}">${escapeHtml(label)}</button></form>`;
}
