/**
 * An export of Grafana OnCall as a draft of the catalog: users become people, each escalation chain that is used a team
 * with its schedule and rungs, integrations become hook sources, routes become services found by labels. Pure.
 */
import { Draft, type FieldNote, type Imported, type ImportOptions, nameOf } from "./draft.ts";
import { fieldOf, type SourcePath, Taken } from "./left-out.ts";
import {
  type OnCallExport,
  type OnCallIntegration,
  type OnCallRoute,
  onCallExportSchema,
} from "./oncall-export.ts";
import { labelsOfRoute } from "./oncall-routing.ts";
import { OnCallTeams } from "./oncall-teams.ts";
import { aboutLabels } from "./reading.ts";

/** Kinds of hook sources by the type of integration. */
const kinds: Readonly<Record<string, string>> = {
  alertmanager: "alertmanager",
  legacy_alertmanager: "alertmanager",
  grafana: "grafana",
  grafana_alerting: "grafana",
  legacy_grafana_alerting: "grafana",
  datadog: "datadog",
  pagerduty: "pagerduty",
  amazon_sns: "sns",
  sentry: "sentry",
  sentry_platform: "sentry",
  newrelic: "newrelic",
  stackdriver: "gcp_monitoring",
  opsgenie: "opsgenie",
};

export function importOnCall(text: string, options: ImportOptions): Imported {
  const content = contentOf(text);
  const parsed = onCallExportSchema.safeParse(content);
  const slackTeam = options.slackTeam ?? (parsed.success ? slackTeamOf(parsed.data) : undefined);
  const draft = new Draft({ ...options, slackTeam });
  if (content === undefined) {
    draft.problem("the export", "is not JSON; it is one object with the lists of OnCall's HTTP API");
    return draft.finish({ channel: "", team: "" });
  }
  if (!parsed.success) {
    for (const { path, message } of parsed.error.issues)
      draft.problem(
        fieldOf(content, path as SourcePath) || "the export",
        message.startsWith("Invalid input") ? "is missing or of a wrong type" : message,
      );
    return draft.finish({ channel: "", team: "" });
  }
  return new OnCallDraft(draft, parsed.data, content).finish();
}

function contentOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The Slack workspace most people are of. */
function slackTeamOf({ users }: OnCallExport): string | undefined {
  const counts = new Map<string, number>();
  for (const { team_id } of users.flatMap(({ slack }) => slack ?? []))
    counts.set(team_id, (counts.get(team_id) ?? 0) + 1);
  return [...counts].sort((one, other) => other[1] - one[1])[0]?.[0];
}

class OnCallDraft {
  readonly #draft: Draft;
  readonly #file: OnCallExport;
  readonly #content: unknown;
  readonly #people = new Map<string, string>();
  readonly #teams: OnCallTeams;

  constructor(draft: Draft, file: OnCallExport, content: unknown) {
    this.#draft = draft;
    this.#file = file;
    this.#content = content;
    this.#teams = new OnCallTeams(draft, file, (userId) => this.#people.get(userId));
  }

  finish(): Imported {
    const channel = this.#file.routes.map(({ slack }) => slack?.channel_id).find((id) => id) ?? "alerts";
    const defaultChannel = this.#draft.channel(channel);
    for (const user of this.#file.users) this.#person(user);
    for (const integration of this.#file.integrations) this.#integration(integration, defaultChannel);
    this.#teams.unusedSchedules(defaultChannel);
    for (const chain of this.#file.escalation_chains)
      if (!this.#teams.isUsed(chain.id))
        this.#draft.note(`escalation_chains.${chain.name}`, "is used by no route, and was left out");
    this.#draft.notes.push(...this.#leftOut());
    const team = this.#teams.first ?? this.#teams.plain("oncall", defaultChannel);
    return this.#draft.finish({ channel: defaultChannel, team });
  }

  #person(user: OnCallExport["users"][number]): void {
    const name = nameOf(user.username);
    const id = this.#draft.find("people", name) ? nameOf(`${name}-${user.id}`) : name;
    this.#people.set(user.id, id);
    const slack = Object.fromEntries((user.slack ?? []).map(({ team_id, user_id }) => [team_id, user_id]));
    const own = Object.hasOwn(slack, this.#draft.slackTeam)
      ? { [this.#draft.slackTeam]: slack[this.#draft.slackTeam] }
      : {};
    for (const other of Object.keys(slack).filter((team) => team !== this.#draft.slackTeam))
      this.#draft.note(
        `users.${user.id}.slack`,
        `is of Slack team ${other} too; add it to organisation.slackTeams and to ${id}`,
      );
    this.#draft.entry("people", id, () => ({
      name: user.username,
      ...(Object.keys(own).length > 0 ? { slack: own } : {}),
      ...(user.email ? { email: user.email } : {}),
      ...(user.timezone ? { timezone: user.timezone } : {}),
    }));
  }

  #integration(integration: OnCallIntegration, defaultChannel: string): void {
    const routes = this.#file.routes
      .filter(({ integration_id }) => integration_id === integration.id)
      .sort((one, other) => (one.position ?? 0) - (other.position ?? 0));
    const last = routes.find(({ is_the_last_route }) => is_the_last_route === true);
    const chainId = last?.escalation_chain_id ?? integration.default_route?.escalation_chain_id;
    const channel = last?.slack?.channel_id ?? integration.default_route?.slack?.channel_id ?? undefined;
    const team =
      this.#teams.ofChain(chainId ?? undefined, channel, defaultChannel) ??
      this.#teams.plain(this.#teams.nameOf(integration.team_id) ?? "oncall", defaultChannel);
    const kind = kinds[integration.type];
    if (kind === undefined)
      this.#draft.note(
        `integrations.${integration.name}.type`,
        `is ${integration.type}, which no reader is made for; declare a source of kind mapping, or send it by CloudEvents`,
      );
    else this.#draft.entry("hookSources", nameOf(integration.name), () => ({ kind, team }));
    for (const route of routes) if (route !== last) this.#route(route, integration, defaultChannel);
  }

  #route(route: OnCallRoute, integration: OnCallIntegration, defaultChannel: string): void {
    const at = `routes.${route.id}`;
    const text = route.routing_regex ?? "";
    const labels = labelsOfRoute(route.routing_type, text);
    const team = this.#teams.ofChain(
      route.escalation_chain_id ?? undefined,
      route.slack?.channel_id ?? undefined,
      defaultChannel,
    );
    if (labels === undefined) {
      this.#draft.note(
        `${at}.routing_regex`,
        `of ${integration.name} asks for what is no label (${JSON.stringify(text.slice(0, 80))}); write alertRules for a service${team ? ` of ${team}` : ""}`,
      );
      return;
    }
    if (team === undefined) {
      this.#draft.note(
        `${at}.escalation_chain_id`,
        `is none: alerts with ${labelText(labels)} woke nobody; nothing was made of it`,
      );
      return;
    }
    const { severity, ...own } = labels;
    if (Object.keys(own).length === 0) {
      this.#draft.note(
        at,
        `of ${integration.name} asks for severity ${severity} alone, which names no service; error budgets decide what pages, and severity where they cannot be known`,
      );
      return;
    }
    const about = aboutLabels.find((label) => Object.hasOwn(own, label));
    const name = nameOf(about ? (own[about] ?? "") : team);
    const service = this.#draft.entry("services", name, () => ({
      team,
      dri: this.#draft.somebody(),
      alertRules: [],
    }));
    (service.alertRules as unknown[]).push({ labels: own });
    if (service.team !== team)
      this.#draft.note(
        `${at}.escalation_chain_id`,
        `sends alerts of ${name} to ${team}; in the catalog ${name} is of ${String(service.team)}`,
      );
  }

  #leftOut(): FieldNote[] {
    const taken = new Taken();
    const lists = this.#content as Record<string, unknown>;
    for (const [list, value] of Object.entries(lists)) {
      const isPage = !Array.isArray(value);
      const entries: unknown = isPage ? (value as { results?: unknown } | null)?.results : value;
      if (!(list in this.#file) || !Array.isArray(entries)) continue;
      const at: SourcePath = isPage ? [list, "results"] : [list];
      if (isPage)
        taken.take([list], "count", "next", "previous", "current_page_number", "page_size", "total_pages");
      entries.forEach((_entry, index) => {
        taken.take([...at, index], ...known);
      });
    }
    return taken.rest(lists);
  }
}

/** Fields that were read, or that say nothing of how things are meant to be. */
const known = [
  ...[
    "id",
    "name",
    "username",
    "email",
    "slack",
    "timezone",
    "type",
    "team_id",
    "default_route",
    "integration_id",
  ],
  ...[
    "escalation_chain_id",
    "routing_type",
    "routing_regex",
    "position",
    "is_the_last_route",
    "duration",
    "important",
  ],
  ...[
    "persons_to_notify",
    "persons_to_notify_next_each_time",
    "notify_on_call_from_schedule",
    "time_zone",
    "shifts",
  ],
  ...[
    "level",
    "start",
    "frequency",
    "interval",
    "until",
    "by_day",
    "by_month",
    "by_monthday",
    "users",
    "rolling_users",
  ],
  ...[
    "start_rotation_from_user_index",
    "on_call_now",
    "week_start",
    "avatar_url",
    "ical_url_primary",
    "rotation_start",
  ],
];

const labelText = (labels: Readonly<Record<string, string>>): string =>
  Object.entries(labels)
    .map(([name, value]) => `${name}="${value}"`)
    .join(", ");
