/**
 * An alertmanager.yml as a draft of the catalog: receivers become teams with channel and pagers, routes become services
 * found by labels, a watchdog's route becomes a watchdog. Pure.
 */
import { parseDocument } from "yaml";
import { alertmanagerSchema, type RouteFile } from "./alertmanager-file.ts";
import { takeInhibitions } from "./alertmanager-inhibit.ts";
import { Routes } from "./alertmanager-routes.ts";
import { Draft, type Imported, type ImportOptions } from "./draft.ts";
import { fieldOf, type SourcePath, Taken } from "./left-out.ts";
import type { Reading } from "./reading.ts";

export function importAlertmanager(text: string, options: ImportOptions): Imported {
  const draft = new Draft(options);
  const content = contentOf(text, draft);
  const parsed = content === undefined ? undefined : alertmanagerSchema.safeParse(content);
  if (parsed?.success === false)
    for (const { path, message } of parsed.error.issues)
      draft.problem(
        fieldOf(content, path as SourcePath) || "alertmanager.yml",
        message.startsWith("Invalid input") ? "is missing or of a wrong type" : message,
      );
  if (!parsed?.success) return draft.finish({ channel: "", team: "" });

  const { route, receivers, inhibit_rules } = parsed.data;
  const taken = new Taken();
  taken.open(["global"]);
  const reading: Reading = {
    draft,
    taken,
    note: (path, message) => {
      taken.take(path);
      draft.note(fieldOf(content, path), message);
    },
  };
  const byName = new Map(receivers.map((receiver, index) => [receiver.name, { receiver, index }]));
  for (const [name, { index }] of byName) {
    taken.take(["receivers", index], "name");
    if (receivers.findIndex((receiver) => receiver.name === name) < index)
      draft.problem(`receivers.${index}.name`, `"${name}" stands twice`);
  }
  checkReceivers(route, ["route"], byName, draft);
  if (draft.problems.length > 0) return draft.finish({ channel: "", team: "" });

  const routes = new Routes(reading, byName, route);
  routes.read();
  takeInhibitions(inhibit_rules ?? [], reading);
  const notes = taken.rest(content, ownWords);
  draft.notes.push(...notes);
  return draft.finish({
    channel: routes.defaultChannel,
    team: routes.defaultTeam,
    policies: routes.policies,
  });
}

function contentOf(text: string, draft: Draft): unknown {
  const document = parseDocument(text, { prettyErrors: false, stringKeys: true });
  const [first] = document.errors;
  if (first !== undefined) {
    draft.problem("alertmanager.yml", `is not valid YAML: ${first.message.split("\n")[0]}`);
    return undefined;
  }
  try {
    return document.toJS({ maxAliasCount: 100 }) ?? {};
  } catch (error) {
    draft.problem("alertmanager.yml", `cannot be read: ${(error as Error).message}`);
    return undefined;
  }
}

function checkReceivers(
  route: RouteFile,
  path: SourcePath,
  known: ReadonlyMap<string, unknown>,
  draft: Draft,
): void {
  const at = path.join(".");
  if (path.length === 1 && route.receiver === undefined) draft.problem(`${at}.receiver`, "is missing");
  if (route.receiver !== undefined && !known.has(route.receiver))
    draft.problem(`${at}.receiver`, `names "${route.receiver}", which receivers does not list`);
  route.routes?.forEach((child, index) => {
    checkReceivers(child, [...path, "routes", index], known, draft);
  });
}

/** What deserves better words than that it has no place. */
function ownWords(path: SourcePath): string | undefined {
  const key = String(path.at(-1));
  if (key === "time_intervals" || key === "mute_time_intervals" || key === "active_time_intervals")
    return "has no place in the catalog: mutes have an end; use `/ops mute`, or `during` in an on-call layer for who is woken when";
  if (key === "group_by") return "was left out: alerts are joined by cause";
  if (key === "group_interval") return "was left out: a card is edited as alerts come";
  if (key === "resolve_timeout")
    return "was left out: what is not sent again is marked stale, by policies.alerts.staleAfter";
  return undefined;
}
