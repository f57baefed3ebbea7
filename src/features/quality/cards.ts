/** The weekly digest as people read it. Pure. */
import {
  type Block,
  button,
  card,
  context,
  escapeText,
  link,
  mrkdwn,
  section,
} from "../../platform/messages/blocks.ts";
import type { Digest } from "./digest.ts";
import { isMuteProposed, type Precision, type RuleQuality, windowDays } from "./model.ts";
import type { Observed } from "./observed.ts";

/** Names listed of a kind of gap; the page lists all. */
const namesMax = 8;

export function digestCard(digest: Digest, week: string, pageUrl: string): { text: string; blocks: Block[] } {
  const { counts } = digest;
  return card({
    mark: digest.precision.verdict === "noisy" || digest.blindPages.length > 0 ? "🟠" : "🟢",
    headline: `${escapeText(digest.team)} · alerts of ${week} · ${countText(digest.cards, "ticket")}, ${countText(digest.pages, "page")} · ${precisionText(digest.precision)}`,
    context: [`by rule, ${windowDays} days, counted in cards`, link(pageUrl, "all rules")],
    facts: [
      [
        "Judged",
        `${counts.actioned} actioned, ${counts.noise} noise; ${counts.transient} transient, ${counts.unjudged} unjudged`,
      ],
      [
        "Pages per 12 h",
        `${oneDecimal(digest.perShift.mean)} on average, ${digest.perShift.worst} in the worst shift`,
      ],
      ...(digest.topShare === undefined
        ? []
        : [["Top ten rules", `${percent(digest.topShare)} of all tickets`] as const]),
      ...(digest.repeatRate === undefined
        ? []
        : [
            [
              "Repeats",
              `${percent(digest.repeatRate)} of firings repeat what the same alert said that day`,
            ] as const,
          ]),
    ],
    body: [
      ...digest.noisiest.map(ruleBlock),
      ...gapBlock("No runbook", digest.withoutRunbook, "Write one, or list it under the service's runbooks."),
      ...gapBlock("No owner", digest.withoutService, "No service matches: add an alertRule in the catalog."),
      ...blindBlock(digest),
      ...digest.observed.map(observedBlock),
    ],
  });
}

/** `1. *HighLatency* · shop · 14 tickets, 2 pages: 2 actioned, 9 noise, 3 transient · precision 18 % (5–48 %, n 11): noisy` */
function ruleBlock(rule: RuleQuality, index: number): Block {
  const text = `${index + 1}. *${escapeText(rule.rule, 120)}* · ${escapeText(rule.service ?? "no service")} · ${countText(rule.cards, "ticket")}${rule.pages > 0 ? `, ${countText(rule.pages, "page")}` : ""}: ${classesText(rule)} · ${precisionText(rule.precision)}`;
  if (!isMuteProposed(rule)) return section(text);
  const verb = { label: `Mute ${rule.newest.id}`, line: `modal mute: ${rule.newest.id}` };
  return { type: "section", text: mrkdwn(text), accessory: button(verb, 0) };
}

function classesText({ counts }: RuleQuality): string {
  const parts = (["actioned", "noise", "transient", "unjudged"] as const)
    .filter((name) => counts[name] > 0)
    .map((name) => `${counts[name]} ${name}`);
  return parts.join(", ");
}

export function precisionText({ n, ratio, interval, verdict }: Precision): string {
  if (ratio === undefined || interval === undefined) return "precision unknown: none judged";
  const numbers = `precision ${percent(ratio)} (${Math.round(interval.low * 100)}–${percent(interval.high)}, n ${n})`;
  switch (verdict) {
    case "too few":
      return `${numbers}, too few to judge`;
    case "noisy":
    case "worth it":
    case "unclear":
      return `${numbers}: ${verdict}`;
  }
}

function gapBlock(what: string, rules: readonly RuleQuality[], cure: string): Block[] {
  if (rules.length === 0) return [];
  const names = rules
    .slice(0, namesMax)
    .map(
      ({ rule, service }) => `${escapeText(rule, 120)}${service === null ? "" : ` (${escapeText(service)})`}`,
    );
  const more = rules.length > namesMax ? ` and ${rules.length - namesMax} more` : "";
  return [context(`*${what}* for ${countText(rules.length, "rule")}: ${names.join(", ")}${more}. ${cure}`)];
}

function blindBlock({ blindPages }: Digest): Block[] {
  if (blindPages.length === 0) return [];
  const services = [...new Set(blindPages.map(({ service }) => escapeText(service ?? "no service")))];
  const ids = blindPages.slice(0, namesMax).map(({ id }) => id);
  const more = blindPages.length > namesMax ? ", …" : "";
  return [
    context(
      `*Paged blind* ${blindPages.length} ×: whether users hurt was not known, so the sender's severity decided (${ids.join(", ")}${more}; ${services.slice(0, namesMax).join(", ")}). An SLO that can be read decides better.`,
    ),
  ];
}

/** `orders, observed: 12 tickets. Quarterdeck would have paged 3 (2 paged as well: T-1, T-4; not paged: T-9); paged without it: 1 (T-7).` */
function observedBlock({ service, tickets, both, onlyWould, onlyWas }: Observed): Block {
  const would = both.length + onlyWould.length;
  const parts = [
    ...(both.length > 0 ? [`paged as well: ${idsText(both)}`] : []),
    ...(onlyWould.length > 0 ? [`not paged: ${idsText(onlyWould)}`] : []),
  ];
  return context(
    `*${escapeText(service)}, observed*: ${countText(tickets, "ticket")}. Would have paged ${would}${parts.length > 0 ? ` (${parts.join("; ")})` : ""}. Was paged and would not have been: ${onlyWas.length}${onlyWas.length > 0 ? ` (${idsText(onlyWas)})` : ""}.`,
  );
}

const idsText = (ids: readonly string[]): string =>
  `${ids.slice(0, namesMax).join(", ")}${ids.length > namesMax ? ` and ${ids.length - namesMax} more` : ""}`;

export const percent = (ratio: number): string => `${Math.round(ratio * 100)} %`;
const oneDecimal = (value: number): string => String(Math.round(value * 10) / 10);
const countText = (count: number, what: string): string => `${count} ${what}${count === 1 ? "" : "s"}`;
