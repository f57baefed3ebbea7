import type { Modal } from "../../platform/feature.ts";
import { escapeText, plain, section } from "../../platform/messages/blocks.ts";

/** Words may come from a link: what the form does not show, it does not say. */
const idOf = (words: string): string => words.trim().split(/\s/)[0] ?? "";

export const denyForm: Modal = {
  name: "catalog deny",
  title: "Deny this catalog",
  submitLabel: "Deny",
  build: ({ words }) => [
    section(`*${escapeText(idOf(words))}*: the catalog in force stays.`),
    {
      type: "input",
      block_id: "reason",
      label: plain("Why"),
      element: { type: "plain_text_input", action_id: "value", max_length: 1_000 },
    },
  ],
  // Quoted, so that a word of it is never read as a flag.
  line: ({ reason = "" }, words) => `catalog deny ${idOf(words)} "${reason.replaceAll(/["“”„‟]/g, "'")}"`,
};
