/**
 * What Slack refuses in blocks and views and emulate lets through, so that a card too large fails here first.
 * Source of each number: Slack's Block Kit reference, one page per block and element, and "Views".
 */
import { isJson, type Json, listOf, textOf } from "./model.ts";

const blocksPerMessageMax = 50;
const blocksPerViewMax = 100;
const markdownCharsMax = 12_000;
const charsMax: Readonly<Record<string, number>> = { header: 150, section: 3_000, field: 2_000, button: 75 };
const idCharsMax = 255;
const buttonValueCharsMax = 2_000;
const urlCharsMax = 3_000;
const optionTextCharsMax = 75;
const optionValueCharsMax = 150;
const titleCharsMax = 24;
const privateMetadataCharsMax = 3_000;
const elementsMax: Readonly<Record<string, number>> = { actions: 25, context: 10 };
const fieldsMax = 10;
const overflowOptionsMax = 5;
const selectOptionsMax = 100;
const blockTypes: ReadonlySet<string> = new Set(
  "actions alert card context context_actions carousel data_table divider file header image input markdown plan rich_text section table task_card video".split(
    " ",
  ),
);

/** Why these blocks would be refused, each with its place; empty when Slack would take them. */
export function blockFaults(blocks: unknown, where: "message" | "view" = "message"): string[] {
  if (blocks === undefined || blocks === null || blocks === "") return [];
  if (!Array.isArray(blocks)) return ["blocks must be a list"];
  const faults: string[] = [];
  const max = where === "view" ? blocksPerViewMax : blocksPerMessageMax;
  if (blocks.length > max) faults.push(`no more than ${max} items allowed [json-pointer:/blocks]`);
  const seen = new Set<string>();
  let markdownChars = 0;
  blocks.forEach((block: unknown, index) => {
    const at = `/blocks/${index}`;
    if (!isJson(block)) {
      faults.push(`must be an object [json-pointer:${at}]`);
      return;
    }
    const id = textOf(block.block_id);
    if (id !== "" && seen.has(id))
      faults.push(`block_id "${id}" already exists [json-pointer:${at}/block_id]`);
    seen.add(id);
    if (block.type === "markdown") markdownChars += textOf(block.text).length;
    faults.push(...tooLong(id, idCharsMax, `${at}/block_id`), ...faultsOf(block, at));
  });
  if (markdownChars > markdownCharsMax)
    faults.push(`markdown text over ${markdownCharsMax} characters in all`);
  return faults;
}

/** Why this view would be refused. */
export function viewFaults(view: unknown): string[] {
  if (!isJson(view)) return ["view must be an object"];
  const faults = blockFaults(view.blocks, "view");
  for (const part of ["title", "submit", "close"]) {
    faults.push(...tooLong(plainText(view[part]), titleCharsMax, `/${part}`));
  }
  faults.push(...tooLong(textOf(view.private_metadata), privateMetadataCharsMax, "/private_metadata"));
  const asks = listOf(view.blocks).some((block) => block.type === "input");
  if (view.type === "modal" && asks && view.submit === undefined) {
    faults.push("missing required field: submit, a view with inputs needs it [json-pointer:/submit]");
  }
  return faults;
}

function faultsOf(block: Json, at: string): string[] {
  const type = textOf(block.type);
  if (!blockTypes.has(type)) return [`unsupported type: ${type} [json-pointer:${at}/type]`];
  const faults: string[] = [];
  const textMax = charsMax[type];
  if (textMax !== undefined) faults.push(...tooLong(plainText(block.text), textMax, `${at}/text`));
  if (type === "header" && plainText(block.text) === "")
    faults.push(`must not be empty [json-pointer:${at}/text]`);
  if (type === "section") faults.push(...sectionFaults(block, at));
  if (type === "image") faults.push(...imageFaults(block, at));
  if (type === "input" && isJson(block.element))
    faults.push(...elementFaults(block.element, `${at}/element`));
  const most = elementsMax[type];
  if (most !== undefined) {
    const elements = listOf(block.elements);
    if (elements.length === 0) faults.push(`must have at least 1 item [json-pointer:${at}/elements]`);
    if (elements.length > most)
      faults.push(`no more than ${most} items allowed [json-pointer:${at}/elements]`);
    elements.forEach((element, i) => {
      faults.push(...elementFaults(element, `${at}/elements/${i}`));
    });
    const ids = elements.map((element) => textOf(element.action_id)).filter((id) => id !== "");
    if (new Set(ids).size < ids.length) faults.push(`action_id used twice [json-pointer:${at}/elements]`);
  }
  return faults;
}

function sectionFaults(block: Json, at: string): string[] {
  const fields = listOf(block.fields);
  const faults: string[] = [];
  if (plainText(block.text) === "" && fields.length === 0) {
    faults.push(`a section needs text or fields [json-pointer:${at}]`);
  }
  if (fields.length > fieldsMax)
    faults.push(`no more than ${fieldsMax} items allowed [json-pointer:${at}/fields]`);
  fields.forEach((field, i) => {
    faults.push(...tooLong(plainText(field), charsMax.field ?? 0, `${at}/fields/${i}`));
    if (plainText(field) === "") faults.push(`must not be empty [json-pointer:${at}/fields/${i}]`);
  });
  if (isJson(block.accessory)) faults.push(...elementFaults(block.accessory, `${at}/accessory`));
  return faults;
}

function imageFaults(block: Json, at: string): string[] {
  const faults: string[] = [];
  if (textOf(block.alt_text) === "") faults.push(`missing required field: alt_text [json-pointer:${at}]`);
  if ((block.image_url === undefined) === (block.slack_file === undefined)) {
    faults.push(`needs exactly one of image_url and slack_file [json-pointer:${at}]`);
  }
  return faults;
}

function elementFaults(element: Json, at: string): string[] {
  const faults = [...tooLong(textOf(element.action_id), idCharsMax, `${at}/action_id`)];
  const options = listOf(element.options);
  if (element.type === "image") return [...faults, ...imageFaults(element, at)];
  if (element.type === "button") {
    faults.push(...tooLong(plainText(element.text), charsMax.button ?? 0, `${at}/text`));
    faults.push(...tooLong(textOf(element.value), buttonValueCharsMax, `${at}/value`));
    faults.push(...tooLong(textOf(element.url), urlCharsMax, `${at}/url`));
    if (plainText(element.text) === "") faults.push(`must not be empty [json-pointer:${at}/text]`);
    const { style } = element;
    if (style !== undefined && style !== "primary" && style !== "danger") {
      faults.push(`style must be primary or danger [json-pointer:${at}/style]`);
    }
  }
  if (element.type === "overflow" && (options.length < 1 || options.length > overflowOptionsMax)) {
    faults.push(`must have 1 to ${overflowOptionsMax} options [json-pointer:${at}/options]`);
  }
  if (element.type === "static_select" && options.length > selectOptionsMax) {
    faults.push(`no more than ${selectOptionsMax} options [json-pointer:${at}/options]`);
  }
  options.forEach((option, i) => {
    faults.push(...tooLong(plainText(option.text), optionTextCharsMax, `${at}/options/${i}/text`));
    faults.push(...tooLong(textOf(option.value), optionValueCharsMax, `${at}/options/${i}/value`));
  });
  return faults;
}

function plainText(value: unknown): string {
  return isJson(value) ? textOf(value.text) : textOf(value);
}

function tooLong(text: string, max: number, at: string): string[] {
  return text.length > max ? [`must be less than ${max + 1} characters [json-pointer:${at}]`] : [];
}
