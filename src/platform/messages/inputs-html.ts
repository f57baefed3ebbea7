/** A form's blocks as HTML inputs, each named by its block id. Pure. */
import { z } from "zod";
import { escapeHtml } from "../http/escape.ts";
import { type Block, cut } from "./blocks.ts";
import { blocksHtml, type Scene } from "./html.ts";

const optionSchema = z.object({ text: z.object({ text: z.string() }), value: z.string() });
const elementSchema = z.object({
  type: z.string(),
  multiline: z.boolean().optional(),
  initial_value: z.string().optional(),
  max_length: z.number().optional(),
  placeholder: z.object({ text: z.string() }).optional(),
  options: z.array(optionSchema).optional(),
  initial_option: optionSchema.optional(),
  initial_user: z.string().optional(),
});

/** Names of inputs on our pages that carry a form's values. */
export const fieldPrefix = "field.";

export interface FilledIn {
  /** What was sent, by block id. */
  values?: Readonly<Record<string, string>> | undefined;
  /** What is wrong, at one block. */
  error?: { field: string; message: string } | undefined;
  /** For an element that picks a person: Slack id and name. */
  people: readonly { id: string; name: string }[];
}

/** Whether there is anything to fill in: a form may only say why there is not. */
export const asksSomething = (blocks: readonly Block[]): boolean =>
  blocks.some(({ type }) => type === "input");

export function inputsHtml(blocks: readonly Block[], scene: Scene, filled: FilledIn): string {
  return blocks
    .map((block) => (block.type === "input" ? inputHtml(block, filled) : blocksHtml([block], scene)))
    .join("");
}

function inputHtml(block: Extract<Block, { type: "input" }>, filled: FilledIn): string {
  const id = `in-${block.block_id.replace(/[^\w-]/g, "-")}`;
  const error = filled.error?.field === block.block_id ? filled.error.message : undefined;
  const described = [...(block.hint ? [`${id}-hint`] : []), ...(error === undefined ? [] : [`${id}-error`])];
  const common = [
    `id="${id}"`,
    `name="${escapeHtml(fieldPrefix + block.block_id)}"`,
    ...(block.optional ? [] : ["required"]),
    ...(described.length > 0 ? [`aria-describedby="${described.join(" ")}"`] : []),
    ...(error === undefined ? [] : ['aria-invalid="true"']),
  ].join(" ");
  const given = filled.values?.[block.block_id];
  return [
    `<div class="field"><label for="${id}">${escapeHtml(block.label.text)}${block.optional ? " <small>(may be left out)</small>" : ""}</label>`,
    elementHtml(elementSchema.parse(block.element), common, given, filled),
    block.hint ? `<small id="${id}-hint">${escapeHtml(block.hint.text)}</small>` : "",
    error === undefined ? "" : `<p class="error" id="${id}-error">${escapeHtml(cut(error, 1_000))}</p>`,
    "</div>",
  ].join("");
}

function elementHtml(
  element: z.output<typeof elementSchema>,
  common: string,
  given: string | undefined,
  { people }: FilledIn,
): string {
  if (element.type === "users_select")
    return selectHtml(
      people.map(({ id, name }) => ({ value: id, label: name })),
      given ?? element.initial_user,
      common,
    );
  if (element.options)
    return selectHtml(
      element.options.map(({ text, value }) => ({ value, label: text.text })),
      given ?? element.initial_option?.value,
      common,
    );
  const value = given ?? element.initial_value ?? "";
  const most = element.max_length === undefined ? "" : ` maxlength="${element.max_length}"`;
  const hint = element.placeholder ? ` placeholder="${escapeHtml(element.placeholder.text)}"` : "";
  return element.multiline
    ? `<textarea rows="4" ${common}${most}${hint}>${escapeHtml(value)}</textarea>`
    : `<input type="text" autocomplete="off" ${common}${most}${hint} value="${escapeHtml(value)}">`;
}

const selectHtml = (
  options: readonly { value: string; label: string }[],
  chosen: string | undefined,
  common: string,
): string =>
  `<select ${common}>${chosen === undefined ? '<option value=""></option>' : ""}${options
    .map(
      ({ value, label }) =>
        `<option value="${escapeHtml(value)}"${value === chosen ? " selected" : ""}>${escapeHtml(label)}</option>`,
    )
    .join("")}</select>`;
