/** Alertmanager's routes as services found by labels, with the team that their receiver is. Pure but for the draft. */
import { formatDuration } from "../../platform/commands/time.ts";
import {
  type Matchers,
  matchersOf,
  promDurationMs,
  type ReceiverFile,
  type RouteFile,
} from "./alertmanager-file.ts";
import { pagersOf, slackChannelOf } from "./alertmanager-receivers.ts";
import { type DraftEntry, nameOf } from "./draft.ts";
import type { SourcePath } from "./left-out.ts";
import { aboutLabels, type Reading } from "./reading.ts";

const severityLabels = new Set(["severity", "priority", "level"]);
const urgent = /^(critical|crit|page|p1|sev1|high|emergency)$/i;

export type Receivers = ReadonlyMap<string, { receiver: ReceiverFile; index: number }>;

/** Reads the tree of routes; the root gives the defaults. */
export class Routes {
  readonly defaultTeam: string;
  readonly defaultChannel: string;
  readonly policies: DraftEntry;
  readonly #reading: Reading;
  readonly #receivers: Receivers;
  readonly #root: RouteFile;

  constructor(reading: Reading, receivers: Receivers, root: RouteFile) {
    this.#reading = reading;
    this.#receivers = receivers;
    this.#root = root;
    const { draft, taken } = reading;
    const rootReceiver = receivers.get(root.receiver ?? "");
    const channel =
      rootReceiver && slackChannelOf(rootReceiver.receiver, ["receivers", rootReceiver.index], reading);
    this.defaultChannel = draft.channel(channel ?? "alerts");
    this.defaultTeam = this.#teamOf(root.receiver ?? "") ?? this.#team("default", undefined, []);
    taken.take(["route"], "receiver");
    const spans = [
      ["groupWait", "group_wait"],
      ["repeatEvery", "repeat_interval"],
    ] as const;
    const alerts = spans.flatMap(([field, key]) => {
      const ms = promDurationMs(root[key] ?? "");
      if (ms !== undefined) taken.take(["route"], key);
      return ms === undefined ? [] : [[field, formatDuration(ms)]];
    });
    this.policies = { alerts: Object.fromEntries(alerts) };
    draft.entry("hookSources", "alertmanager", () => ({ kind: "alertmanager", team: this.defaultTeam }));
  }

  read(): void {
    this.#children(this.#root, ["route"], {}, this.#root);
    const pagers = this.#reading.draft.find("teams", this.defaultTeam)?.pagers;
    if (pagers !== undefined) this.policies.watch = { pagers };
    this.#warnOfOverlaps();
  }

  #children(route: RouteFile, path: SourcePath, above: Matchers, inherited: RouteFile): void {
    route.routes?.forEach((child, index) => {
      const at = [...path, "routes", index];
      const whole = {
        ...child,
        receiver: child.receiver ?? inherited.receiver,
        repeat_interval: child.repeat_interval ?? inherited.repeat_interval,
      };
      const labels = this.#labelsOf(child, at, above);
      this.#reading.taken.take(at, "receiver");
      if (child.continue === true)
        this.#reading.note(
          [...at, "continue"],
          "sends an alert to several receivers; in the catalog an alert is about one service",
        );
      else this.#reading.taken.take(at, "continue");
      this.#route(whole, at, labels);
      this.#children(child, at, labels, whole);
    });
  }

  #labelsOf(route: RouteFile, at: SourcePath, above: Matchers): Matchers {
    const { labels, unread, twice } = matchersOf(route);
    this.#reading.taken.take(at, "match", "match_re");
    if (unread.length === 0) this.#reading.taken.take(at, "matchers");
    else
      this.#reading.note(
        [...at, "matchers"],
        `holds ${JSON.stringify(unread[0])}, which cannot be read; the others count`,
      );
    const again = [...twice, ...Object.keys(labels).filter((name) => Object.hasOwn(above, name))];
    if (again.length > 0)
      this.#reading.draft.note(
        at.join("."),
        `asks twice for ${again.join(", ")}, above and here; the last counts`,
      );
    return { ...above, ...labels };
  }

  #route(route: RouteFile, at: SourcePath, labels: Matchers): void {
    const { draft, taken } = this.#reading;
    const { receiver = "" } = route;
    const alertname = labels.alertname;
    if (typeof alertname === "string" && /watchdog|dead.?man/i.test(alertname)) {
      taken.take(at, "repeat_interval", "group_wait", "group_interval");
      const everyMs = promDurationMs(route.repeat_interval ?? "4h") ?? 14_400_000;
      draft.entry("watchdogs", nameOf(alertname), () => ({
        source: "alertmanager",
        labels: Object.fromEntries(
          Object.entries(labels).filter(([, matcher]) => typeof matcher === "string"),
        ),
        every: formatDuration(Math.max(60_000, everyMs)),
        team: this.defaultTeam,
      }));
      return;
    }
    const team = this.#teamOf(receiver);
    if (team === undefined) {
      this.#reading.note(
        [...at, "receiver"],
        `is "${receiver}", which tells nobody: nothing of the catalog drops alerts; leave the rule out, or mute it`,
      );
      return;
    }
    const severity = Object.entries(labels).filter(([name]) => severityLabels.has(name));
    const isUrgent = severity.some(([, matcher]) =>
      typeof matcher === "string"
        ? urgent.test(matcher)
        : "matches" in matcher &&
          matcher.matches.split("|").some((word) => urgent.test(word.replaceAll(/[\^$()]/g, ""))),
    );
    const own = Object.fromEntries(Object.entries(labels).filter(([name]) => !severityLabels.has(name)));
    if (Object.keys(own).length === 0) {
      this.#bySeverity(at, team, isUrgent);
      return;
    }
    for (const { name, rule } of servicesIn(own, team))
      this.#service(name, rule, team, { at, isUrgent, hasSeverity: severity.length > 0 });
  }

  /** A route by severity alone: whom to page is no matter of the service. */
  #bySeverity(at: SourcePath, team: string, isUrgent: boolean): void {
    const { draft } = this.#reading;
    const pagers = (draft.find("teams", team)?.pagers ?? []) as string[];
    const target = draft.find("teams", this.defaultTeam);
    if (isUrgent && target && pagers.length > 0)
      target.pagers = [...new Set([...((target.pagers ?? []) as string[]), ...pagers])];
    draft.note(
      at.join("."),
      `asks for severity alone, which names no service: ${isUrgent && pagers.length > 0 ? `${pagers.join(", ")} became a pager of ${this.defaultTeam}; ` : ""}whether an alert pages is decided by error budgets, and by its severity where they cannot be known`,
    );
  }

  #service(
    name: string,
    rule: Matchers,
    team: string,
    route: { at: SourcePath; isUrgent: boolean; hasSeverity: boolean },
  ): void {
    const { draft } = this.#reading;
    const pagers = (draft.find("teams", team)?.pagers ?? []) as string[];
    const service = draft.entry("services", name, () => ({ team, dri: draft.somebody(), alertRules: [] }));
    const rules = service.alertRules as { labels: Matchers }[];
    if (!rules.some(({ labels }) => JSON.stringify(labels) === JSON.stringify(rule)))
      rules.push({ labels: rule });
    if (service.team !== team) {
      if (route.isUrgent && pagers.length > 0)
        service.pagers = [...new Set([...((service.pagers ?? []) as string[]), ...pagers])];
      draft.note(
        `${route.at.join(".")}.receiver`,
        `sends alerts of ${name} to ${team} too; in the catalog ${name} is of ${String(service.team)}${route.isUrgent && pagers.length > 0 ? `, and pages ${pagers.join(", ")}` : ""}`,
      );
    }
    if (pagers.length > 0 && (route.isUrgent || !route.hasSeverity) && service.paging === undefined) {
      service.paging = {
        rule: "every-critical-alert",
        owner: draft.somebody(),
        reason: `Alertmanager paged ${team} for its alerts`,
      };
      if (!route.hasSeverity)
        draft.note(
          `${route.at.join(".")}.receiver`,
          `pages for every alert of ${name}; in the catalog its critical ones page, and whatever hurts users`,
        );
    }
  }

  /** Team of a receiver; undefined when it tells nobody. */
  #teamOf(name: string): string | undefined {
    const found = this.#receivers.get(name);
    if (found === undefined || !Object.keys(found.receiver).some((key) => key.endsWith("_configs")))
      return undefined;
    const path = ["receivers", found.index];
    const known = this.#reading.draft.find("teams", nameOf(name));
    if (known) return String(known.name);
    const channel = slackChannelOf(found.receiver, path, this.#reading);
    return this.#team(name, channel, pagersOf(found.receiver, path, this.#reading));
  }

  #team(name: string, channel: string | undefined, pagers: readonly string[]): string {
    const { draft } = this.#reading;
    const own = channel === undefined ? this.defaultChannel : draft.channel(channel);
    return String(
      draft.entry("teams", nameOf(name), () => ({
        leads: [draft.somebody()],
        alertChannel: own,
        leadsChannel: own,
        ...(pagers.length > 0 ? { pagers } : {}),
      })).name,
    );
  }

  /** Alertmanager takes the first route in the file, the catalog the first service by name. */
  #warnOfOverlaps(): void {
    const { draft } = this.#reading;
    const rules = draft.finish({ channel: "", team: "" }).file.services as
      | { name: string; alertRules: { labels: Matchers }[] }[]
      | undefined;
    const pairs = (rules ?? []).flatMap((one, index) =>
      (rules ?? [])
        .slice(index + 1)
        .flatMap((other) =>
          one.alertRules.some((a) => other.alertRules.some((b) => canMeet(a.labels, b.labels)))
            ? [[one.name, other.name]]
            : [],
        ),
    );
    for (const [one, other] of pairs.slice(0, overlapsMax))
      draft.note(
        "route.routes",
        `alerts may fit both ${one} and ${other}; Alertmanager took the first route, the catalog takes the first service by name`,
      );
    if (pairs.length > overlapsMax)
      draft.note("route.routes", `and ${pairs.length - overlapsMax} more pairs of services share alerts`);
  }
}

const overlapsMax = 10;

/** Whether some labels could fit both: no label is asked to be two different texts. */
function canMeet(one: Matchers, other: Matchers): boolean {
  return Object.entries(one).every(([name, matcher]) => {
    const second = other[name];
    return typeof matcher !== "string" || typeof second !== "string" || matcher === second;
  });
}

/** The services that a route's labels are about: one for each plain alternative of a pattern. */
function servicesIn(labels: Matchers, team: string): { name: string; rule: Matchers }[] {
  for (const label of aboutLabels) {
    const matcher = labels[label];
    if (typeof matcher === "string" && matcher !== "") return [{ name: nameOf(matcher), rule: labels }];
    // Patterns are anchored without being told.
    const pattern = typeof matcher === "object" && "matches" in matcher ? matcher.matches : "";
    const words = /^\^?\(?([\w-]+(?:\|[\w-]+)*)\)?\$?$/.exec(pattern)?.[1];
    if (words !== undefined)
      return words.split("|").map((value) => ({ name: nameOf(value), rule: { ...labels, [label]: value } }));
  }
  return [{ name: team, rule: labels }];
}
