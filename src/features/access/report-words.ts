/** The report in plain lines: Slack and the page escape them. Pure. */
import { person as personOf } from "../../catalog/lookup.ts";
import type { Catalog } from "../../catalog/schema.ts";
import { formatDuration } from "../../platform/commands/time.ts";
import type { Grant } from "./model.ts";
import type { Standing } from "./outside.ts";
import type { AccessReport, RoleUse, Spread } from "./report.ts";
import { countText, requesterName, spanText } from "./words.ts";

export interface Section {
  title: string;
  lines: readonly string[];
}

/** Lines of a section; the rest is counted. */
const linesMax = 10;

export function reportSections(
  catalog: Catalog,
  report: AccessReport,
  standing: readonly Standing[],
  clockOf: (at: Date) => string,
): Section[] {
  const name = (id: string): string => personOf(catalog, id)?.name ?? id;
  const of = (grant: Grant): string =>
    `${grant.id} ${requesterName(catalog, grant)}: ${grant.role} on ${grant.resource}`;
  const roleOf = ({ role, resource }: Pick<RoleUse, "role" | "resource">): string => `${role} on ${resource}`;
  const sections: Section[] = [
    {
      title: `Held now: ${report.holding.length}`,
      lines: report.holding.map(
        (grant) => `${of(grant)}${"endsAt" in grant.state ? `, until ${clockOf(grant.state.endsAt)}` : ""}`,
      ),
    },
    {
      title: "How long",
      lines: [
        `A grant lasted ${spread(report.lasted, "ended")}`,
        `A decision took ${spread(report.decided, "decided by a person")}`,
      ],
    },
    {
      title: `Claimed and never looked at: ${report.unused.length}`,
      lines: report.unused.map((grant) => `${of(grant)}, asked ${clockOf(grant.requestedAt)}`),
    },
    {
      title: `Taken without asking: ${report.taken.length}`,
      lines: report.taken.map((grant) => `${of(grant)}, ${clockOf(grant.requestedAt)}: ${grant.reason}`),
    },
    {
      title: `Standing outside on no record, which a policy could replace: ${standing.length}`,
      lines: standing.map(
        ({ instance, words, firstSeen }) => `${instance}: ${words}, seen first ${clockOf(firstSeen)}`,
      ),
    },
    {
      title: "Less would do",
      lines: [
        ...report.wide.map(
          (use) =>
            `${roleOf(use)} was had ${use.had} ×, narrower ones: ${use.narrower.map((one) => `${one.role} ${one.had} ×`).join(", ")}`,
        ),
        ...report.tooLong.map(
          (use) =>
            `${roleOf(use)} is given for ${formatDuration(use.grantedMs)} and lasts ${spanText(use.lastedMs)}: ask for less, or lower durationMax`,
        ),
        ...report.neverAsked.map(
          (role) => `${roleOf(role)}: nobody asked for it; take it out of the catalog`,
        ),
      ],
    },
    {
      title: `Approvals in return: ${report.inReturn.length}`,
      lines: report.inReturn.map(
        ({ one, other, count, back }) =>
          `${name(one)} approved ${count} of ${name(other)}, who approved ${back} of theirs`,
      ),
    },
  ];
  return sections.map(({ title, lines }) => ({
    title,
    lines:
      lines.length > linesMax ? [...lines.slice(0, linesMax), `and ${lines.length - linesMax} more`] : lines,
  }));
}

const spread = ({ count, medianMs, p95Ms }: Spread, what: string): string =>
  count === 0
    ? `nothing yet: ${countText(0, "grant")} ${what}`
    : `${spanText(medianMs)} at the median, ${spanText(p95Ms)} at the 95th percentile (${count} ${what})`;
