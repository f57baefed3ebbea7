/** Where an alert goes, and why there: which rule found its service, and whether its word may wake somebody. Pure. */
import {
  channelFor,
  matchesLabels,
  owningTeam,
  service,
  serviceOfAlert,
  servicesOfRepository,
} from "../../catalog/lookup.ts";
import type { Catalog, LabelMatcher } from "../../catalog/schema.ts";
import { sloOfAlert } from "../slos/index.ts";
import { groupOf } from "./grouping.ts";
import { pagesWhenUnknown, type ReadAlert } from "./model.ts";

export interface AlertRoute {
  /** As declared; where nothing declared matches, as the sender calls it; null when nothing says one. */
  service: string | null;
  /** `#shop-alerts, team storefront` */
  to: string;
  /** Why there, a sentence of plain text. */
  why: string;
  /** Whether it may wake somebody, a sentence. */
  page: string;
}

export function routeOf(catalog: Catalog, alert: ReadAlert, source: string): AlertRoute {
  const group = groupOf(catalog, alert.labels, source, alert.named);
  const name = group.service ?? "";
  const found =
    group.service === null
      ? (group.note ?? "Nothing declared matches.").replace("Filed with", "Goes to")
      : `${foundBy(catalog, alert)}: it is about ${group.service}, ${group.environment}.`;
  const word = alert.severityText;
  const said = word === undefined ? "gives no severity" : `says ${word}`;
  const pages = pagesWhenUnknown(alert.severity, alert.severityText ?? null);
  const page =
    alert.status === "resolved"
      ? "It is over and wakes nobody."
      : `Should it not be known whether users hurt, it ${pages ? "pages" : "does not page"}: the sender ${said}.`;
  return {
    service: group.service ?? alert.named?.service ?? null,
    to: `#${channelFor(catalog, name).name}, team ${owningTeam(catalog, name).name}`,
    why: found,
    page,
  };
}

function foundBy(catalog: Catalog, { labels, named }: ReadAlert): string {
  const known = serviceOfAlert(catalog, labels);
  const rule = known?.alertRules.find((one) => matchesLabels(labels, one.labels));
  if (rule !== undefined) return `A rule of the catalog matches (${rulesText(rule.labels)})`;
  if (known !== undefined) return "Its label service names it";
  const slo = sloOfAlert(catalog, labels);
  if (slo !== undefined) return `It tells of the burn of ${slo.name}`;
  const word = [named?.service, ...(named?.hints ?? [])].find(
    (one) => one !== undefined && service(catalog, one),
  );
  const { repository } = labels;
  if (
    word === undefined &&
    repository !== undefined &&
    servicesOfRepository(catalog, repository).length === 1
  )
    return `Its repository is ${repository}`;
  return `Its sender names it${word === undefined ? "" : ` (${word})`}`;
}

const rulesText = (matchers: Readonly<Record<string, LabelMatcher>>): string =>
  Object.entries(matchers)
    .map(([label, matcher]) => {
      if (typeof matcher === "string") return `${label}="${matcher}"`;
      if ("not" in matcher) return `${label}!="${matcher.not}"`;
      if ("matches" in matcher) return `${label}=~"${matcher.matches}"`;
      return `${label}!~"${matcher.notMatches}"`;
    })
    .join(", ");
