/**
 * Grafana's alerting webhook, version "1" (Grafana 8.3 and later). Pure. Sources: Grafana docs, "Configure webhook
 * notifications" and "No data and error states".
 */
import { groupedReader } from "./grouped-alerts.ts";
import { labelOf, labelsFrom } from "./labels.ts";
import type { Sender } from "./reader.ts";
import { textOf } from "./texts.ts";

/** Values shown of one alert. */
const valuesMax = 20;

/** Names under which Grafana tells that a rule could not be evaluated, and what that means. */
const evaluationFailed: Readonly<Record<string, string>> = {
  DatasourceNoData: "no data",
  DatasourceError: "cannot be evaluated",
};

/** `A=2473545728, B=0`, of the expressions of a rule. */
const valuesOf = (values: unknown): string =>
  typeof values !== "object" || values === null || Array.isArray(values)
    ? ""
    : Object.entries(values)
        .slice(0, valuesMax)
        .map(([name, value]) => `${name}=${textOf(value) ?? "none"}`)
        .join(", ");

const read = groupedReader({
  versions: ["1"],
  sender: "Grafana",
  links: (item) => [
    ["dashboard", item.dashboardURL],
    ["panel", item.panelURL],
    ["silence", item.silenceURL],
    ["image", item.imageURL],
  ],
  words: ({ values }) => labelsFrom({ values: valuesOf(values) }),
  title: (labels) => {
    const failed = evaluationFailed[labelOf(labels, "alertname") ?? ""];
    const rule = labelOf(labels, "rulename");
    return failed === undefined || rule === undefined ? undefined : `${rule}: ${failed}`;
  },
  hints: (labels) => [labelOf(labels, "grafana_folder")],
});

export const grafana: Sender = {
  about: "Alerts as Grafana's webhook contact point sends them (version 1, Grafana 8.3 and later).",
  read,
  signature: {
    header: ({ signatureHeader }) => signatureHeader ?? "x-grafana-alerting-signature",
    scheme: "hmac",
    timestampHeader: ({ timestampHeader }) => timestampHeader,
    withTime: "time:body",
    timeRequired: true,
  },
  unreadableStatus: 400,
};
