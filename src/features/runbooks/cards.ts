/** An opened runbook as people read it, and what its owner is told. Pure. */
import type { Catalog } from "../../catalog/schema.ts";
import type { ChartSpec } from "../../platform/charts.ts";
import {
  actions,
  type Block,
  card,
  context,
  dateToken,
  escapeText,
  link,
  type Mark,
  plain,
  section,
  type Verb,
} from "../../platform/messages/blocks.ts";
import { chartMarks, withoutMarked } from "../markers/index.ts";
import { chartSpanMs, type Gathered } from "./gather.ts";
import { inParts } from "./markdown.ts";
import { callName, isExceeded, limitOf, type Owner, type Said, type Trust } from "./model.ts";
import type { Runbook } from "./read.ts";
import { type RenderedSteps, renderSteps, type StepsContext } from "./steps.ts";
import { budgetText, deployLines, standingOf, trustText, withMark } from "./words.ts";

export interface Opening extends StepsContext {
  runbook: Runbook;
  owner: Owner | undefined;
  trust: Trust;
  /** Public id of the ticket it was opened for. */
  ticket: string | undefined;
  /** Page with the whole text. */
  url: string;
  /** Other runbooks of the service. */
  others: readonly string[];
  /** First problem of its file, when the steps cannot be filled in. */
  problem: string | undefined;
}

export interface OpenedCard {
  text: string;
  blocks: Block[];
  chart: ChartSpec | undefined;
}

const factsMax = 5;
const deploysShown = 3;
/** What is left of a card's characters for the steps, and of a section's. */
const stepsCharsMax = 6_000;
const sectionCharsMax = 2_900;
const buttonsMax = 2;
/** The overflow holds five; two are Helped and Outdated. */
const overflowActionsMax = 3;

export function openedCard(opening: Opening): OpenedCard {
  const { runbook, gathered, trust, catalog, slackTeam } = opening;
  const steps = renderSteps(runbook, opening);
  const gauges = (gathered?.gauges ?? [])
    .map((gauge) => ({ name: gauge.name, standing: standingOf(gauge) }))
    .sort((a, b) => a.standing.rank - b.standing.rank);
  const uses = runbook.template?.uses.helpers;
  const deploys =
    gathered && !uses?.has("deploys")
      ? [
          section(
            [
              "*Recent deploys*",
              ...deployLines(gathered.deploys, deploysShown, { team: slackTeam, catalog }).map(
                (line) => `• ${line}`,
              ),
            ].join("\n"),
          ),
        ]
      : [];
  const rest = gauges
    .slice(factsMax)
    .map(({ name, standing }) => `${escapeText(name, 63)}: ${withMark(standing)}`);
  const { verbs, more } = verbsOf(runbook, steps);
  const shown = card({
    mark: markOf(
      opening,
      gauges.map(({ standing }) => standing.mark),
    ),
    headline: headlineOf(opening, gauges[0]),
    context: contextOf(opening),
    facts: gauges
      .slice(0, factsMax)
      .map(({ name, standing }) => [escapeText(name, 63), withMark(standing)] as const),
    body: [
      ...inParts(rest.join("\n"), sectionCharsMax).map(section),
      ...(gathered && !uses?.has("budget") ? [section(budgetText(gathered.budget))] : []),
      ...deploys,
      ...(opening.problem === undefined
        ? []
        : [
            context(
              `🟠 The steps are shown as written, without live values: ${escapeText(opening.problem, 300)}`,
            ),
          ]),
      ...stepBlocks(steps.text, opening.url),
      ...(trust.outdated.length > 1 ? [context(`${trust.outdated.length} people say it is outdated.`)] : []),
      ...(opening.others.length > 0
        ? [
            context(
              `Also for ${escapeText(gathered?.service ?? "it")}: ${opening.others.map((name) => escapeText(name, 63)).join(", ")}`,
            ),
          ]
        : []),
    ],
    verbs,
    more,
  });
  return { ...shown, chart: chartOf(gathered, catalog) };
}

function stepBlocks(text: string, url: string): Block[] {
  const parts = inParts(text, sectionCharsMax);
  const kept: string[] = [];
  for (const part of parts) {
    if (kept.join("").length + part.length > stepsCharsMax) break;
    kept.push(part);
  }
  const keptChars = kept.reduce((sum, part) => sum + part.length, 0);
  const all = parts.reduce((sum, part) => sum + part.length, 0);
  const cut =
    kept.length < parts.length
      ? [context(`Cut here: ${keptChars} of ${all} characters are shown. ${link(url, "The whole runbook")}`)]
      : [];
  return [...kept.map(section), ...cut];
}

function markOf({ gathered, trust, problem }: Opening, marks: readonly string[]): Mark {
  const users = gathered?.budget.is === "here" ? gathered.budget.value.users : undefined;
  if (users === "hurting" || marks.includes("🔴")) return "🔴";
  if (marks.includes("🟠") || trust.state !== "verified" || problem !== undefined) return "🟠";
  return gathered ? "🟢" : "⚪";
}

function headlineOf(
  { runbook, gathered }: Opening,
  worst: { name: string; standing: { text: string; rank: number } } | undefined,
): string {
  const title = `Runbook ${escapeText(runbook.front.title, 80)}`;
  if (!gathered) return `${title} · for no service, so without live values`;
  const number = worst ? ` · ${escapeText(worst.name, 63)} ${worst.standing.text}` : "";
  return `${escapeText(gathered.service, 63)} · ${title}${number}`;
}

function contextOf({ runbook, owner, trust, catalog, ticket, url, gathered }: Opening): string[] {
  return [
    owner ? `owner ${escapeText(owner.name, 80)}` : "🟠 nobody owns it",
    trustText(trust, catalog),
    ...(trust.helped.length > 0 ? [`helped ${trust.helped.length}`] : []),
    ...(gathered ? [`values of ${dateToken(gathered.at)}`] : []),
    ...(ticket === undefined ? [] : [ticket]),
    link(url, runbook.name),
    ...(runbook.front.source === undefined ? [] : [link(runbook.front.source, "edit")]),
  ];
}

function verbsOf(runbook: Runbook, steps: RenderedSteps): { verbs: Verb[]; more: Verb[] } {
  return {
    verbs: steps.verbs.slice(0, buttonsMax).map((verb) => ({ ...verb })),
    more: [
      ...steps.verbs.slice(buttonsMax, buttonsMax + overflowActionsMax),
      { label: "Helped", line: `runbook helped ${runbook.name}` },
      { label: "Outdated", line: `runbook outdated ${runbook.name}` },
    ],
  };
}

/** The signal's last 15 minutes with the deploys in them. */
function chartOf(gathered: Gathered | undefined, catalog: Catalog): ChartSpec | undefined {
  if (gathered?.series?.is !== "here") return undefined;
  const { signal, points } = gathered.series.value;
  const values = points.flatMap(({ value }) => (value === null ? [] : [Math.abs(value)]));
  if (values.length === 0) return undefined;
  const { unit, factor } = scaleOf(signal.unit, Math.max(...values));
  const limit = limitOf(signal);
  const fromMs = gathered.at.getTime() - chartSpanMs;
  const toMs = gathered.at.getTime();
  const markers = gathered.markers.is === "here" ? gathered.markers.value : [];
  const deploys = withoutMarked(gathered.deploys.is === "here" ? gathered.deploys.value.recent : [], markers);
  return {
    title: `${gathered.service} ${signal.name}, last 15 min`,
    unit,
    fromMs,
    toMs,
    zone: catalog.organisation.timezone,
    series: [
      {
        label: signal.name,
        role: "other",
        points: points.map(({ at, value }) => ({
          atMs: at.getTime(),
          value: value === null ? null : value * factor,
        })),
      },
    ],
    markers: [
      ...deploys
        .filter(({ at }) => at.getTime() >= fromMs && at <= gathered.at)
        .map(({ at, version }) => ({ atMs: at.getTime(), label: version, kind: "deploy" as const })),
      ...chartMarks(markers, { fromMs, toMs }),
    ].sort((one, other) => one.atMs - other.atMs),
    // A limit far above the line would press it flat.
    ...(limit && values.some((value) => isExceeded(limit, value) || value * 3 > limit.value)
      ? { limit: { value: limit.value * factor, label: "limit" } }
      : {}),
  };
}

/** Units as `valueText` shows them. */
function scaleOf(unit: string, largest: number): { unit: string; factor: number } {
  if (unit === "%") return { unit: "%", factor: 100 };
  if (unit === "s" && largest < 1) return { unit: "ms", factor: 1_000 };
  return { unit, factor: 1 };
}

/** What an owner is told; one message per time it counts as outdated, edited in place. */
export function outdatedCard(
  runbook: Pick<Runbook, "name" | "front">,
  said: readonly Said[],
  {
    catalog,
    url,
    verified,
  }: { catalog: Catalog; url: string; verified?: { at: Date; by: string } | undefined },
): { text: string; blocks: Block[] } {
  const title = `Runbook ${escapeText(runbook.front.title, 80)}`;
  return card({
    mark: verified ? "⚫" : "🟠",
    headline: verified
      ? `${title} · verified again`
      : `${title} · outdated, say ${said.length === 1 ? "one of its readers" : `${said.length} of its readers`}`,
    context: [link(url, runbook.name)],
    body: said
      .slice(-10)
      .map((one) =>
        context(
          `${escapeText(callName(catalog, one), 80)} ${dateToken(one.at, "date_time")}${one.note ? `: ${escapeText(one.note, 300)}` : ""}`,
        ),
      ),
    verbs: verified ? [] : [{ label: "It is right now", line: `runbook verify ${runbook.name}` }],
    last: verified
      ? `Verified by ${escapeText(verified.by, 80)} ${dateToken(verified.at, "date_time")}`
      : undefined,
  });
}

export interface Suggestion {
  /** One line on the ticket. */
  ticket: { id: string; text: string };
  verb: Verb | undefined;
}

/** What may be opened: for the asker's open tickets first, then all there are. */
export function suggestionReply(
  suggestions: readonly Suggestion[],
  entries: readonly { runbook: Pick<Runbook, "name" | "front">; trust: Trust }[],
): { text: string; blocks: Block[] } {
  const lines = entries.map(({ runbook, trust }) => {
    const about =
      runbook.front.services.length > 0
        ? ` · ${runbook.front.services.map((name) => escapeText(name, 63)).join(", ")}`
        : "";
    const mark =
      trust.state === "verified" ? "" : ` · 🟠 ${trust.state === "outdated" ? "outdated" : "stale"}`;
    return `\`${escapeText(runbook.name, 63)}\` ${escapeText(runbook.front.title, 80)}${about}${mark}`;
  });
  const forTickets = suggestions.map(
    ({ ticket, verb }) => `${ticket.text}${verb ? "" : " · no runbook for it"}`,
  );
  const all = lines.length > 0 ? lines : ["No runbook yet: write one into the folder RUNBOOKS_PATH names."];
  const verbs = suggestions.flatMap(({ verb }) => verb ?? []);
  const text = [...(forTickets.length > 0 ? ["*Open now*", ...forTickets] : []), "*Runbooks*", ...all].join(
    "\n",
  );
  return {
    text,
    blocks: [
      ...inParts(text, sectionCharsMax).slice(0, 4).map(section),
      ...actions(verbs.slice(0, buttonsMax), verbs.slice(buttonsMax)),
      context("Open one: `/ops runbook <service> <name>`, in a thread `@quarterdeck runbook`."),
    ],
  };
}

export const buttonLabel = (ticket: string, name: string): string => plain(`${ticket}: ${name}`, 75).text;
