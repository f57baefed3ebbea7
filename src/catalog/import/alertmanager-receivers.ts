/** Channels and pagers of Alertmanager's receivers. Secrets stay where they are. Pure but for the draft. */
import type { ReceiverFile } from "./alertmanager-file.ts";
import { nameOf } from "./draft.ts";
import type { SourcePath } from "./left-out.ts";
import type { Reading } from "./reading.ts";

/** The first channel; undefined when there is none that can be named. */
export function slackChannelOf(
  receiver: ReceiverFile,
  path: SourcePath,
  { taken, note }: Reading,
): string | undefined {
  const channels = (receiver.slack_configs ?? []).flatMap((config, index) => {
    const at = [...path, "slack_configs", index];
    taken.take(at, "send_resolved");
    const { channel } = config;
    if (typeof channel !== "string") return [];
    taken.take(at, "channel");
    if (/^#?[\w.-]+$/.test(channel)) return [{ channel, at }];
    note(
      [...at, "channel"],
      channel.includes("{{") ? "is a template; the catalog names channels" : "is no channel",
    );
    return [];
  });
  for (const { at } of channels.slice(1)) note([...at, "channel"], "is one more channel; a team has one");
  return channels[0]?.channel;
}

export function pagersOf(
  receiver: ReceiverFile,
  path: SourcePath,
  { draft, taken, note }: Reading,
): string[] {
  const add = (
    kind: "pagerduty" | "opsgenie",
    index: number,
    secrets: readonly string[],
    keyField: string,
    what: string,
  ) => {
    const name = nameOf(`${receiver.name}-${kind}${index > 0 ? `-${index + 1}` : ""}`);
    const at = [...path, `${kind}_configs`, index];
    taken.take(at, "send_resolved");
    for (const secret of secrets) {
      const config = receiver[`${kind}_configs`]?.[index];
      if (config?.[secret] !== undefined)
        note([...at, secret], `was not copied; set ${draft.env(`${kind}_key_${name}`, what)}`);
    }
    draft.entry("pagers", name, () => ({ kind, [keyField]: draft.env(`${kind}_key_${name}`, what) }));
    return name;
  };
  return [
    ...(receiver.pagerduty_configs ?? []).map((_config, index) =>
      add(
        "pagerduty",
        index,
        ["routing_key", "routing_key_file", "service_key", "service_key_file"],
        "routingKeyEnv",
        `routing key of an Events API v2 integration at PagerDuty, for ${receiver.name}`,
      ),
    ),
    ...(receiver.opsgenie_configs ?? []).map((_config, index) =>
      add(
        "opsgenie",
        index,
        ["api_key", "api_key_file"],
        "keyEnv",
        `key of an API integration at Opsgenie, for ${receiver.name}`,
      ),
    ),
  ];
}
