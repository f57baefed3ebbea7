/** A runbook's steps with the live values in them, and the buttons they name. Pure. */

import type { Catalog } from "../../catalog/schema.ts";
import { dateToken, escapeText, limits, link, type Verb } from "../../platform/messages/blocks.ts";
import type { Gathered } from "./gather.ts";
import { escapeCode } from "./markdown.ts";
import type { Runbook } from "./read.ts";
import type { ActionWords } from "./template.ts";
import { budgetText, deployLines, standingOf, withMark } from "./words.ts";

export interface StepsContext {
  catalog: Catalog;
  slackTeam: string;
  /** Undefined when the runbook was opened for no service. */
  gathered: Gathered | undefined;
  variables: Readonly<Record<string, string | undefined>>;
  /** When the ticket's alerts began. */
  since: Date | undefined;
}

export interface RenderedSteps {
  /** Mrkdwn. */
  text: string;
  verbs: readonly Verb[];
}

const deploysShown = 3;
const withoutService = "🟠 no live value: opened for no service";
/** Slack keeps 150 characters of an overflow entry's value. Source: Slack docs, "Option object". */
const lineCharsMax = 150;

export function renderSteps(runbook: Runbook, context: StepsContext): RenderedSteps {
  const { gathered, variables, catalog, slackTeam } = context;
  const { template } = runbook;
  if (!template) {
    const raw = runbook.steps.split("\n").map((line) => escapeCode(line, 2_000));
    return { text: ["```", ...raw, "```"].join("\n"), verbs: [] };
  }
  const verbs = new Map<string, Verb>();
  const text = template.render(variables, {
    text: (value) => shown(value, (given) => escapeText(given, 300)),
    code: (value) => shown(value, (given) => escapeCode(given)),
    signal: (name) => {
      const found = gathered?.gaugesOf.get(name) ?? [];
      if (found.length === 0) return withoutService;
      return found
        .map((gauge) => (found.length > 1 ? `${escapeText(gauge.name)} ` : "") + withMark(standingOf(gauge)))
        .join(", ");
    },
    deploys: (count) => {
      if (!gathered) return withoutService;
      const lines = deployLines(gathered.deploys, count ?? deploysShown, { team: slackTeam, catalog });
      return lines.length === 1 ? lines.join("") : lines.map((line) => `• ${line}`).join("\n");
    },
    budget: () => (gathered ? budgetText(gathered.budget) : withoutService),
    since: () => (context.since ? dateToken(context.since, "date_time") : "no ticket says since when"),
    link: (url, label) => link(url, label),
    action: (words) => {
      const verb = verbOf(words);
      if (verb === undefined) return "🟠 this step's command is too long or has an empty part";
      verbs.set(verb.line, verb);
      return `▸ *${escapeText(verb.label, 80)}* \`/ops ${escapeCode(verb.line)}\``;
    },
  });
  return { text, verbs: [...verbs.values()] };
}

/** An input nobody gave shows as such: an empty place in a command is dangerous. */
const shown = (value: unknown, escaped: (text: string) => string): string =>
  typeof value === "string" && value !== "" ? escaped(value) : "(not given)";

/** The command a step names. What is no plain name is quoted, so that it can be no flag and no second word. */
function verbOf({ words, label, isDangerous }: ActionWords): Verb | undefined {
  const [command = "", ...rest] = words;
  if (rest.some((word) => word.trim() === "")) return undefined;
  const line = [command, ...rest.map(asWord)].join(" ");
  if (line.length > lineCharsMax) return undefined;
  const shownLabel = label ?? command.charAt(0).toUpperCase() + [command, ...rest].join(" ").slice(1);
  return {
    label: shownLabel.slice(0, limits.optionTextChars),
    line,
    ...(isDangerous ? { style: "danger" as const, confirm: `Does: /ops ${line}` } : {}),
  };
}

const asWord = (word: string): string =>
  /^[A-Za-z0-9@#][A-Za-z0-9._:/@#=+-]*$/.test(word) ? word : `"${word.replace(/["“”„‟\s]+/g, " ").trim()}"`;
