/** The rule a request is judged by, as it stood when it was asked for. */
import { approversOf, person as personOf } from "../../catalog/lookup.ts";
import type { AccessorInstance, AccessTerms, Catalog } from "../../catalog/schema.ts";
import { type Hours, hoursText } from "../../catalog/week-windows.ts";
import { formatDuration } from "../../platform/commands/time.ts";

/** The one rule that matched, kept with the grant: the catalog may change while it lasts. */
export interface Terms {
  /** In people's words. */
  readonly grants: string;
  /** What the role stands for at the accessor. */
  readonly access: AccessTerms;
  readonly accessor: AccessorInstance;
  readonly requesters: readonly string[];
  readonly approvers: readonly string[];
  readonly quorum: number;
  readonly durationMaxMs: number;
  readonly totalDurationMaxMs: number;
  /** The rest is missing in what an older release wrote. Team in whose leads' channel it is decided, and who is paged. */
  readonly team?: string | undefined;
  /** Person ids beside the teams. */
  readonly requesterPeople?: readonly string[] | undefined;
  readonly approverPeople?: readonly string[] | undefined;
  readonly hours?: Hours | undefined;
  readonly reasonPattern?: string | undefined;
  readonly ticketRequired?: boolean | undefined;
  readonly incidentRequired?: boolean | undefined;
  readonly automatic?: { readonly durationMaxMs: number; readonly swapSettleMs: number } | undefined;
  /** An approval needs a fresh sign-in at the console. */
  readonly stepUp?: boolean | undefined;
  readonly reciprocal?: "reported" | "barred" | undefined;
}

/** Team that decides first and is told of trouble. */
export const teamOf = ({ terms }: { terms: Terms }): string => terms.team ?? terms.approvers[0] ?? "";

/** Person ids who may approve by these terms: leads of today, and the people named. */
export function approverIdsOf(
  catalog: Catalog,
  { approvers, approverPeople = [] }: Terms,
): readonly string[] {
  return approversOf(catalog, { policy: { approvers, approverPeople } });
}

/** `storefront, payments, Kim Koch`: teams and people who may ask. Plain text. */
export function askersText(catalog: Catalog, { requesters, requesterPeople = [] }: Terms): string {
  return [...requesters, ...requesterPeople.map((id) => personOf(catalog, id)?.name ?? id)].join(", ");
}

/** What comes behind a role's name: who may ask, who decides, how long, and when. Plain text. */
export function ruleText(catalog: Catalog, terms: Terms): string {
  const { quorum, automatic, hours } = terms;
  const approval =
    quorum === 0
      ? "needs no approval"
      : `needs ${quorum} approval${quorum > 1 ? "s" : ""} by ${approversText(catalog, terms)}${terms.stepUp ? ", freshly signed in at the console" : ""}`;
  const most = `for ${formatDuration(terms.durationMaxMs)} at most, ${formatDuration(terms.totalDurationMaxMs)} with extensions`;
  return [
    `may be asked for by ${askersText(catalog, terms)} and ${approval}, ${most}`,
    ...(automatic
      ? [`at once for who is on call while something pages, for ${formatDuration(automatic.durationMaxMs)}`]
      : []),
    ...(terms.ticketRequired ? ["with a ticket"] : []),
    ...(terms.incidentRequired ? ["while a ticket pages on its service"] : []),
    ...(hours ? [hoursText(hours)] : []),
  ]
    .join("; ")
    .concat(".");
}

/** `leads of storefront, Olive Okafor`: who decides. Plain text. */
export function approversText(catalog: Catalog, { approvers, approverPeople = [] }: Terms): string {
  const people = approverPeople.map((id) => personOf(catalog, id)?.name ?? id);
  return [...(approvers.length > 0 ? [`leads of ${approvers.join(", ")}`] : []), ...people].join(" or ");
}
