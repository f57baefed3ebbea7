import * as lookup from "../../catalog/lookup.ts";
import type { Modal } from "../../platform/feature.ts";
import { type Block, plain } from "../../platform/messages/blocks.ts";
import { startSpec } from "./commands.ts";

/** Slack's limit of options in a select menu. Source: Slack docs, "Select menu element". */
const optionsMax = 100;

const words = (id: string, label: string, placeholder: string, optional: boolean): Block => ({
  type: "input",
  block_id: id,
  label: plain(label),
  optional,
  element: { type: "plain_text_input", action_id: id, placeholder: plain(placeholder) },
});

/** The form of a bare `rollout start`. */
export const startForm: Modal = {
  name: startSpec.name,
  title: "Start a rollout",
  submitLabel: "Start",
  build({ catalog, words: given }) {
    const services = catalog.services.filter(({ traffic }) => traffic).slice(0, optionsMax);
    const options = services.map(({ name }) => ({ text: plain(name, 75), value: name }));
    const chosen = options.find(({ value }) => value === given.trim());
    const versions = services.flatMap(({ name }) =>
      lookup.trafficsOf(catalog, name).flatMap((entry) => entry.versions.map((version) => version.name)),
    );
    return [
      {
        type: "input",
        block_id: "service",
        label: plain("Service"),
        element: {
          type: "static_select",
          action_id: "service",
          options:
            options.length > 0 ? options : [{ text: plain("no service has traffic declared"), value: "-" }],
          ...(chosen ? { initial_option: chosen } : {}),
        },
      },
      words("version", "Version", versions.slice(0, 6).join(", ") || "v42", false),
      words("steps", "Steps, in percent", "as in the catalog, such as 1,10,50,100", true),
      words("hold", "Shortest time at each step", "as in the catalog, such as 10m", true),
      words("deadline", "Deadline", "as in the catalog, such as 2h", true),
      words("change", "Change", "C-12", true),
    ];
  },
  line(values) {
    const flags = ["steps", "hold", "deadline", "change"].flatMap((name) => {
      const value = values[name]?.trim() ?? "";
      return value === "" ? [] : [`--${name} ${value}`];
    });
    return ["rollout start", values.service ?? "", values.version?.trim() ?? "", ...flags].join(" ");
  },
};
