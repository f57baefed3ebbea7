import type { Modal } from "../../platform/feature.ts";
import { plain } from "../../platform/messages/blocks.ts";

export const denyForm: Modal = {
  name: "catalog deny",
  title: "Deny this catalog",
  submitLabel: "Deny",
  build: () => [
    {
      type: "input",
      block_id: "reason",
      label: plain("Why"),
      element: { type: "plain_text_input", action_id: "value", max_length: 1_000 },
    },
  ],
  // Quoted, so that a word of it is never read as a flag.
  line: ({ reason = "" }, words) => `catalog deny ${words} "${reason.replaceAll(/["“”„‟]/g, "'")}"`,
};
