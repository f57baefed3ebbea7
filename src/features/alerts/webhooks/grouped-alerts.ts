/** The body Alertmanager and Grafana share: a group of alerts, each with labels of its own. Pure. */
import { z } from "zod";
import { type ReadAlert, type ReadDelivery, severityOf, type Unreadable, untitled } from "../model.ts";
import { fingerprintOf, givenKey } from "./fingerprint.ts";
import { hintsOf, labelOf, namedOf } from "./labels.ts";
import { linksOf, linksOfAnnotations } from "./links.ts";
import { delivery, type Inbound, problemsOf, readBody } from "./reader.ts";
import { clean, firstText, texts } from "./texts.ts";
import { time } from "./times.ts";

/** Most alerts read of one body. */
const alertsMax = 20_000;

/** firing or resolved, whatever its case. */
const status = z
  .string()
  .transform((text) => text.toLowerCase())
  .pipe(z.enum(["firing", "resolved"], { error: "must be firing or resolved" }));

const alertSchema = z.looseObject({
  status: status.nullish(),
  labels: texts,
  annotations: texts.nullish(),
  startsAt: time,
  endsAt: time,
  generatorURL: z.unknown().optional(),
  fingerprint: z.union([z.string(), z.number()]).nullish(),
});
type Item = z.output<typeof alertSchema>;

/** What one sender adds to it. */
export interface GroupedFormat {
  versions: readonly [string, ...string[]];
  /** As it is called in what we say: `Alertmanager sends 4`. */
  sender: string;
  /** Its own links of one alert, after the source. */
  links?(item: Item): readonly (readonly [string, unknown])[];
  /** Its own words of one alert, beside the annotations. */
  words?(item: Item): Record<string, string>;
  title?(labels: Readonly<Record<string, string>>): string | undefined;
  hints?(labels: Readonly<Record<string, string>>): readonly unknown[];
}

const bodySchemaOf = ({ versions, sender }: GroupedFormat) =>
  z.object({
    version: z
      .union([z.string(), z.number()], { error: `is missing; ${sender} sends ${versions[0]}` })
      .transform(String)
      .pipe(
        z.enum(versions, { error: `is not one this reads: ${versions.join(" or ")}, as ${sender} sends` }),
      ),
    groupKey: z.union([z.string(), z.number()]).nullish(),
    status: status.nullish(),
    truncatedAlerts: z.number().int().min(0).nullish(),
    commonAnnotations: texts.nullish(),
    alerts: z
      .array(z.unknown(), { error: "must be a list" })
      .max(alertsMax, `holds more than ${alertsMax} alerts`),
  });

/** A reader of one sender: each readable alert is answered, the others are named. */
export function groupedReader(format: GroupedFormat): (inbound: Inbound) => ReadDelivery {
  const bodySchema = bodySchemaOf(format);
  return ({ body }) => {
    const read = readBody(body, bodySchema);
    if ("problems" in read) return delivery({ problems: read.problems });
    const { alerts: items, groupKey, truncatedAlerts, commonAnnotations, status: groupStatus } = read.value;
    const alerts: ReadAlert[] = [];
    const problems: Unreadable[] = [];
    for (const [index, item] of items.entries()) {
      const at = `alerts[${index}]`;
      const parsed = alertSchema.safeParse(item);
      const own = parsed.data?.status ?? groupStatus;
      if (!parsed.success) problems.push(...problemsOf(parsed.error, at));
      else if (own === undefined || own === null)
        problems.push({ field: `${at}.status`, why: "is given neither here nor for the group" });
      else alerts.push(alertOf(parsed.data, own, commonAnnotations ?? {}, format));
    }
    const isIncomplete = groupStatus === "firing" && (truncatedAlerts ?? 0) > 0;
    return delivery({
      alerts,
      problems,
      groupKey: clean(String(groupKey ?? "")),
      hiddenCount: isIncomplete ? (truncatedAlerts ?? 0) : 0,
    });
  };
}

function alertOf(
  item: Item,
  status: ReadAlert["status"],
  commonAnnotations: Readonly<Record<string, string>>,
  format: GroupedFormat,
): ReadAlert {
  const { labels, startsAt, endsAt } = item;
  const annotations = { ...commonAnnotations, ...item.annotations, ...format.words?.(item) };
  const severityText = labelOf(labels, "severity");
  const named = namedOf(labels);
  return {
    fingerprint: givenKey(item.fingerprint) ?? fingerprintOf(labels),
    status,
    title:
      format.title?.(labels) ??
      labelOf(labels, "alertname") ??
      firstText(annotations.summary, annotations.title) ??
      untitled,
    labels,
    annotations,
    startsAt,
    // A firing alert's end is when the sender will give it up, not when it ended.
    endsAt: status === "resolved" ? endsAt : undefined,
    links: linksOf([
      ["source", item.generatorURL],
      ...(format.links?.(item) ?? []),
      ...linksOfAnnotations(annotations),
    ]),
    severity: severityOf(severityText),
    severityText,
    named: { ...named, hints: hintsOf([...(named?.hints ?? []), ...(format.hints?.(labels) ?? [])]) },
  };
}
