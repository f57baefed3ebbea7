/** What a rollback would do, in words: where to, what differs, what a migration breaks and what can be done. Pure. */
import type { Reply } from "../../platform/feature.ts";
import {
  actions,
  codeBlock,
  context,
  cut,
  dateToken,
  escapeText,
  mention,
  section,
} from "../../platform/messages/blocks.ts";
import { differenceText, spanText } from "../rollouts/index.ts";
import { digestOf, type Preview } from "./model.ts";

type NameOf = (by: string) => string;

const differencesShown = 6;
const migrationsShown = 3;
const secondsExpected = 5;
const reversalCharsMax = 500;

/** The whole of it in one text. */
export const previewText = (preview: Preview, nameOf: NameOf): string =>
  [stateText(preview, nameOf), ...migrationLines(preview)].join("\n");

/** `shop production: v42 → v41 (ran 3 d, SLO ok). Differs: image, 1 flag. Schema same. About 40 s.`, then its details. */
function stateText(preview: Preview, nameOf: NameOf): string {
  const { service, environment, from, to, current, tookMs, beside, unreadable, managed } = preview;
  const by = current
    ? ` ${escapeText(from)} came ${dateToken(current.at, "date_time")} by ${mention(current.by)}.`
    : "";
  const about =
    tookMs === undefined
      ? `About ${secondsExpected} s.`
      : `About ${Math.max(1, Math.round(tookMs / 1_000))} s, as the last times.`;
  const first = `${escapeText(service)} ${escapeText(environment)}: ${escapeText(from)} → ${escapeText(to)} (${pastText(preview)}).${by} Differs: ${differsText(preview)}. ${schemaText(preview)} ${about}`;
  return [
    first,
    ...(unreadable === undefined
      ? []
      : [
          `The traffic cannot be read now: ${escapeText(unreadable, 200)}. It is tried until it goes through.`,
        ]),
    ...(managed === undefined ? [] : [`${escapeText(managed, 300)}.`]),
    ...beside.slice(0, differencesShown).map((one) => `• ${escapeText(differenceText(one, nameOf), 300)}`),
  ].join("\n");
}

/** `ran 3 d, SLO ok` */
function pastText({ ranMs, target, usersThen }: Preview): string {
  const ran = ranMs === undefined ? "" : `ran ${spanText(ranMs)}, `;
  if (target === undefined) return `${ran}not recorded`;
  if (target.outcome === "bad") return `${ran}called bad`;
  switch (usersThen) {
    case "well":
      return `${ran}SLO ok`;
    case "hurting":
      return `${ran}its users were hurting as it was left`;
    case "unknown":
      return `${ran}${target.outcome === "good" ? "good" : "not judged"}`;
  }
}

/** `image, 1 flag`: what the rollback changes, and what it does not and stands otherwise. */
function differsText({ from, to, differences, beside }: Preview): string {
  const count = (what: "flag" | "config", one: string, many: string): string[] => {
    const found = beside.filter((difference) => difference.what === what).length;
    return found === 0 ? [] : [`${found} ${found === 1 ? one : many}`];
  };
  const parts = [
    ...(from === to ? [] : ["image"]),
    ...splitText(from, to, differences),
    ...differences.flatMap(fieldText),
    ...count("flag", "flag", "flags"),
    ...count("config", "setting", "settings"),
  ];
  const more = parts.length > differencesShown ? ` and ${parts.length - differencesShown} more` : "";
  return `${parts.slice(0, differencesShown).join(", ") || "nothing"}${more}`;
}

/** Nothing where one version hands all traffic to the other, which the image says. */
function splitText(from: string, to: string, differences: Preview["differences"]): string[] {
  const weights = differences.flatMap(({ field, recorded, actual }) => {
    const version = /^versions\.(.+)\.weightPercent$/.exec(field)?.[1];
    const [before, after] = [Number(actual ?? 0), Number(recorded ?? 0)];
    return version === undefined || before === after ? [] : [{ version, before, after }];
  });
  const isSwap = weights.every(
    ({ version, before, after }) =>
      (version === from && before === 100 && after === 0) ||
      (version === to && before === 0 && after === 100),
  );
  if (isSwap) return [];
  return weights.map(
    ({ version, before, after }) => `traffic to ${escapeText(version, 80)} ${before} → ${after} %`,
  );
}

/** `replicas 3 → 5`; where a version's processes listen is of no interest to whoever goes back. */
function fieldText({ field, recorded, actual }: Preview["differences"][number]): string[] {
  if (field.startsWith("versions.")) return [];
  const name = escapeText(field.replace(/^fields\./, ""), 80);
  return [`${name} ${escapeText(String(actual), 80)} → ${escapeText(String(recorded), 80)}`];
}

function schemaText({ migrations }: Preview): string {
  if (migrations === undefined) return "Schema: no deploy told of one.";
  return migrations.length === 0 ? "Schema same." : "Schema changed since.";
}

/** What breaks and what can be done; never a refusal. */
function migrationLines(preview: Preview): string[] {
  const { to, migrations = [], beside } = preview;
  if (migrations.length === 0) return [];
  const flags = beside.filter(({ what }) => what === "flag").map(({ name }) => name);
  const flagOff =
    flags.length > 0
      ? `${flags.slice(0, 3).join(", ")} changed since ${to} ran; turned back, the version may stay`
      : "if its change stands behind a flag, turn that off and let the version stay";
  return [
    ...migrations
      .slice(0, migrationsShown)
      .map(
        ({ id, note, version }) =>
          `🟠 ${escapeText(version)} ran migration ${escapeText(id, 100)}${note === undefined ? "" : ` (${escapeText(note, 200)})`}; ${escapeText(to)} is from before it. Code alone breaks what reads or writes there.`,
      ),
    ...(migrations.length > migrationsShown
      ? [`and ${migrations.length - migrationsShown} more migrations`]
      : []),
    "*Flag off · reversal note · go anyway*",
    `• Flag off: ${escapeText(flagOff, 300)}.`,
    ...migrations
      .slice(0, migrationsShown)
      .map(({ id, reversal, version }) => `• ${reversalText(escapeText(id, 100), reversal, version)}`),
    "• Go anyway: nothing stands in the way.",
  ];
}

const reversalText = (id: string, reversal: string | undefined, version: string): string =>
  reversal === undefined
    ? `Reversal note of ${id}: none is recorded; whoever made ${escapeText(version)} knows.`
    : `Reversal note of ${id}:\n${codeBlock([cut(reversal, reversalCharsMax)])}`;

/** `lead`: what the person must know first. */
export function previewReply(
  preview: Preview,
  reason: string | undefined,
  nameOf: NameOf,
  lead?: string,
): Reply {
  const { service, environment, from, to, migrations = [] } = preview;
  const state = [lead, stateText(preview, nameOf)].filter((part) => part !== undefined).join("\n");
  const breaks = migrationLines(preview);
  const words = reason === undefined ? "" : ` ${reason.replaceAll(/\s+/g, " ").slice(0, 500)}`;
  const isRisky = migrations.length > 0;
  const ids = migrations.map(({ id }) => id).join(", ");
  return {
    text: [state, ...breaks].join("\n"),
    blocks: [
      section(state),
      ...(breaks.length === 0 ? [] : [section(breaks.join("\n"))]),
      ...actions([
        {
          label: isRisky ? `Go anyway, to ${to}` : `Roll back to ${to}`,
          line: `rollback ${service}@${environment} ${to} --seen ${digestOf(preview)} --yes${words}`,
          style: "danger",
          confirm: `Moves all traffic of ${service} from ${from} to ${to}.${isRisky ? ` ${to} is from before migration ${ids.slice(0, 100)}.` : ""}`,
        },
      ]),
      context("Nothing was done yet. The button is bound to what stands here."),
    ],
  };
}

/** The answer to whoever started it, with what must not be overlooked. */
export function startedText(
  id: string,
  preview: Preview,
  channel: string,
  { byHand }: { byHand: readonly string[] },
): string {
  const { service, from, to, unreadable, migrations = [] } = preview;
  const [first] = migrations;
  return [
    `${id}: ${escapeText(service)} goes back ${escapeText(from)} → ${escapeText(to)}. Its card is in ${channel}.`,
    ...(unreadable === undefined
      ? []
      : [
          `The traffic cannot be reached now (${escapeText(unreadable, 200)}); I keep trying and page after a minute.`,
        ]),
    ...(first === undefined
      ? []
      : [
          `🟠 ${escapeText(to)} is from before migration ${escapeText(first.id, 100)}. ${reversalText(escapeText(first.id, 100), first.reversal, first.version)}`,
        ]),
    ...(byHand.length === 0 ? [] : ["Should it not come through, by hand:", codeBlock(byHand)]),
  ].join("\n");
}
