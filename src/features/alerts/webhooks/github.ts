/**
 * GitHub's webhooks: deployments and deploying workflows as deploys, issues as tickets, leaked secrets and vulnerable
 * dependencies as alerts; the rest is shown and acted on by nobody. Pure.
 * Source: GitHub docs, "Webhook events and payloads".
 */
import { z } from "zod";
import type { ReadDelivery } from "../model.ts";
import { readDependabotAlert, readSecretScanningAlert } from "./github/alerts.ts";
import { readDeployment, readDeploymentStatus, readWorkflowRun } from "./github/deploys.ts";
import { readIssues } from "./github/issues.ts";
import { readCheckSuite, readPush, readRelease, shown } from "./github/others.ts";
import { delivery, type Inbound, jsonOf, problemsOf, typeSaid } from "./reader.ts";
import { textOf } from "./texts.ts";

/** What every event reads of; `action` is absent from some. */
const envelopeSchema = z.looseObject({ action: z.string().nullish() }, { error: "must be an object" });

type Read = (body: unknown, inbound: Inbound) => Partial<ReadDelivery>;

const events: Readonly<Record<string, Read>> = {
  check_suite: readCheckSuite,
  dependabot_alert: readDependabotAlert,
  deployment: readDeployment,
  deployment_status: readDeploymentStatus,
  issues: readIssues,
  push: readPush,
  release: readRelease,
  secret_scanning_alert: readSecretScanningAlert,
  workflow_run: readWorkflowRun,
};

/** Fields that tell an event whose header did not come along, the most telling first. */
const telling: readonly (readonly [event: string, ...fields: string[]])[] = [
  ["ping", "zen", "hook_id"],
  ["deployment_status", "deployment_status", "deployment"],
  ["deployment", "deployment"],
  ["workflow_run", "workflow_run"],
  ["check_suite", "check_suite"],
  ["push", "pusher", "ref"],
  ["release", "release"],
  ["issue_comment", "issue", "comment"],
  ["issues", "issue"],
];

export function readGithub(inbound: Inbound): ReadDelivery {
  const deliveryId = textOf(inbound.headers["x-github-delivery"]) ?? null;
  const parsed = jsonOf(inbound.body);
  if ("problems" in parsed) return delivery({ deliveryId, problems: parsed.problems });
  const envelope = envelopeSchema.safeParse(parsed.json, { error: typeSaid });
  if (!envelope.success) return delivery({ deliveryId, problems: problemsOf(envelope.error) });
  const event = textOf(inbound.headers["x-github-event"]) ?? inferred(envelope.data);
  if (event === undefined)
    return delivery({
      deliveryId,
      problems: [
        { field: "X-GitHub-Event", why: "did not come, and the body does not show which event it is" },
      ],
    });
  const read = Object.hasOwn(events, event) ? events[event] : undefined;
  return delivery({ deliveryId, ...(read ? read(parsed.json, inbound) : shown(event, parsed.json)) });
}

function inferred(body: Readonly<Record<string, unknown>>): string | undefined {
  const has = (name: string) => Object.hasOwn(body, name) && body[name] !== null;
  const known = telling.find(([, ...fields]) => fields.every(has));
  if (known !== undefined) return known[0];
  if (typeof body.alert !== "object" || body.alert === null) return undefined;
  if (Object.hasOwn(body.alert, "secret_type")) return "secret_scanning_alert";
  return Object.hasOwn(body.alert, "security_advisory") ? "dependabot_alert" : undefined;
}
