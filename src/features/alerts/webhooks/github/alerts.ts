/**
 * Leaked secrets and vulnerable dependencies. No user is hurt by either now, so that the worst is `error`: a ticket for
 * whoever owns the repository. Pure. Source: GitHub docs, `secret_scanning_alert` and `dependabot_alert`.
 */
import { z } from "zod";
import type { ReadAlert, Severity } from "../../model.ts";
import { severityOf } from "../../model.ts";
import { linksOf } from "../links.ts";
import { textOf } from "../texts.ts";
import { shown } from "./others.ts";
import { idField, moment, part, repository, words } from "./parts.ts";

type Status = ReadAlert["status"];

const statusOf = (
  words: Readonly<Record<string, Status>>,
  state: string | null | undefined,
  action: string,
): Status | undefined =>
  [state, action].map((word) => (word && Object.hasOwn(words, word) ? words[word] : undefined)).find(Boolean);

const secretWords: Readonly<Record<string, Status>> = {
  open: "firing",
  created: "firing",
  reopened: "firing",
  publicly_leaked: "firing",
  validated: "firing",
  resolved: "resolved",
};

export const readSecretScanningAlert = part(
  z.looseObject({
    action: z.string(),
    alert: z.object({
      number: idField,
      state: words,
      secret_type: z.string(),
      secret_type_display_name: words,
      resolution: words,
      html_url: words,
      created_at: moment,
      updated_at: moment,
      resolved_at: moment,
    }),
    repository,
  }),
  (body) => {
    const { action, alert, repository: repo } = body;
    const status = statusOf(secretWords, alert.state, action);
    if (status === undefined) return shown("secret_scanning_alert", body);
    const what = textOf(alert.secret_type_display_name) ?? alert.secret_type;
    const page = repo.html_url ? `${repo.html_url}/security/secret-scanning/${alert.number}` : undefined;
    return {
      alerts: [
        {
          fingerprint: `${repo.full_name}/secret-scanning/${alert.number}`,
          status,
          labels: {
            alertname: "SecretLeaked",
            repository: repo.full_name,
            secret_type: alert.secret_type,
            number: alert.number,
          },
          annotations: {
            summary: `A secret of type ${what} stands in ${repo.full_name}; revoke it, then close alert ${alert.number}.`,
          },
          startsAt: status === "firing" && action === "created" ? alert.created_at : alert.updated_at,
          endsAt: status === "resolved" ? alert.resolved_at : undefined,
          title: `${what} leaked in ${repo.full_name}`,
          links: linksOf([
            ["alert", alert.html_url],
            ["alert", page],
          ]),
          // Keeps repositories that no service owns apart.
          named: { service: repo.full_name },
          severity: "error",
          // GitHub grades no secret; without a word it would wake somebody where no budget is known.
          severityText: "error",
        },
      ],
    };
  },
);

const dependencyWords: Readonly<Record<string, Status>> = {
  open: "firing",
  created: "firing",
  reopened: "firing",
  reintroduced: "firing",
  auto_reopened: "firing",
  fixed: "resolved",
  dismissed: "resolved",
  auto_dismissed: "resolved",
};

const atMostError = (severity: Severity): Severity => (severity === "critical" ? "error" : severity);

export const readDependabotAlert = part(
  z.looseObject({
    action: z.string(),
    alert: z.object({
      number: idField,
      state: words,
      dependency: z.object({
        package: z.object({ ecosystem: z.string(), name: z.string() }),
        manifest_path: words,
      }),
      security_advisory: z.object({ ghsa_id: z.string(), cve_id: words, summary: words, severity: words }),
      security_vulnerability: z
        .object({
          severity: words,
          vulnerable_version_range: words,
          first_patched_version: z.object({ identifier: words }).nullish(),
        })
        .nullish(),
      html_url: words,
      created_at: moment,
      updated_at: moment,
      dismissed_at: moment,
      auto_dismissed_at: moment,
      fixed_at: moment,
    }),
    repository,
  }),
  (body) => {
    const { action, alert, repository: repo } = body;
    const { security_advisory: advisory, security_vulnerability: hole } = alert;
    const status = statusOf(dependencyWords, alert.state, action);
    if (status === undefined) return shown("dependabot_alert", body);
    const { ecosystem, name } = alert.dependency.package;
    const severityText = textOf(hole?.severity) ?? textOf(advisory.severity);
    const patched = textOf(hole?.first_patched_version?.identifier);
    const facts = [
      hole?.vulnerable_version_range ? `versions ${hole.vulnerable_version_range}` : "",
      patched ? `mended in ${patched}` : "no version mends it yet",
      alert.dependency.manifest_path ? `in ${alert.dependency.manifest_path}` : "",
    ].filter((fact) => fact !== "");
    return {
      alerts: [
        {
          fingerprint: `${repo.full_name}/dependabot/${alert.number}`,
          status,
          labels: {
            alertname: "VulnerableDependency",
            repository: repo.full_name,
            ecosystem,
            package: name,
            advisory: advisory.ghsa_id,
            number: alert.number,
            ...(severityText === undefined ? {} : { severity: severityText }),
          },
          annotations: {
            ...(textOf(advisory.summary) === undefined
              ? {}
              : { summary: textOf(advisory.summary) as string }),
            description: `${ecosystem} ${name}: ${facts.join(", ")}`,
          },
          startsAt: status === "firing" && action !== "created" ? alert.updated_at : alert.created_at,
          endsAt:
            status === "resolved"
              ? (alert.fixed_at ?? alert.dismissed_at ?? alert.auto_dismissed_at)
              : undefined,
          title: `${ecosystem} ${name}: ${textOf(advisory.summary) ?? advisory.ghsa_id}`,
          links: linksOf([
            ["alert", alert.html_url],
            ["advisory", `https://github.com/advisories/${advisory.ghsa_id}`],
          ]),
          named: { service: repo.full_name },
          severity: atMostError(severityOf(severityText)),
          severityText,
        },
      ],
    };
  },
);
