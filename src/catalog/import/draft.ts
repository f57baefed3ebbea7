/**
 * A catalog that is being made of another system's configuration: its entries, each name once, what a person must
 * still fill in, and what had no place, by field. Secrets are never taken over.
 */
import { parseId } from "../../platform/ids.ts";
import { literalData } from "../interpolate.ts";

export interface FieldNote {
  /** Path in the file that was read: `receivers.db.email_configs`. */
  readonly field: string;
  readonly message: string;
}

export interface FillIn {
  /** Variable of the environment, or a word in the file to replace. */
  readonly name: string;
  readonly what: string;
}

export interface Imported {
  /** One file of the catalog; empty when there are problems. */
  readonly file: Readonly<Record<string, unknown>>;
  readonly notes: readonly FieldNote[];
  readonly fillIns: readonly FillIn[];
  /** What refuses the input. */
  readonly problems: readonly FieldNote[];
}

export interface ImportOptions {
  /** Slack team id; a word to replace when left out. */
  slackTeam?: string | undefined;
  /** Whether to declare the organisation and its policies too; not when a catalog has one already. */
  withOrganisation: boolean;
}

export type DraftEntry = Record<string, unknown>;
export type DraftSection =
  | "channels"
  | "people"
  | "teams"
  | "services"
  | "hookSources"
  | "watchdogs"
  | "pagers";

/** Stands for a person that the other system did not name. */
const somebody = "fill-in";
const slackTeamToReplace = "T0FILLIN";

export class Draft {
  readonly notes: FieldNote[] = [];
  readonly problems: FieldNote[] = [];
  readonly slackTeam: string;
  readonly #entries = new Map<DraftSection, Map<string, DraftEntry>>();
  readonly #fillIns = new Map<string, string>();
  readonly #options: ImportOptions;

  constructor(options: ImportOptions) {
    this.#options = options;
    this.slackTeam = options.slackTeam ?? slackTeamToReplace;
    if (options.slackTeam === undefined)
      this.#fillIns.set(slackTeamToReplace, "replace by your Slack team's id, which begins with T or E");
  }

  note(field: string, message: string): void {
    this.notes.push({ field, message });
  }

  problem(field: string, message: string): void {
    this.problems.push({ field, message });
  }

  /** Puts an entry there, or answers the one of that name. */
  entry(section: DraftSection, name: string, make: () => DraftEntry): DraftEntry {
    const entries = this.#entries.get(section) ?? new Map<string, DraftEntry>();
    this.#entries.set(section, entries);
    const known = entries.get(name.toLowerCase());
    if (known !== undefined) return known;
    const made = section === "people" ? { id: name, ...make() } : { name, ...make() };
    entries.set(name.toLowerCase(), made);
    return made;
  }

  find(section: DraftSection, name: string): DraftEntry | undefined {
    return this.#entries.get(section)?.get(name.toLowerCase());
  }

  /** A channel by its name, or by its id where that is known. */
  channel(given: string): string {
    const isId = /^[CG][A-Z0-9]{6,}$/.test(given);
    const name = isId ? given.toLowerCase() : nameOf(given.replace(/^#/, ""));
    this.entry("channels", name, () => ({
      slack: {
        [this.slackTeam]: isId
          ? given
          : this.variable(`SLACK_CHANNEL_${name}`, `Slack id of the channel #${name}`),
      },
    }));
    return name;
  }

  /** The person to be named, where one is needed. */
  somebody(): string {
    this.entry("people", somebody, () => ({ name: "Fill in" }));
    this.#fillIns.set(somebody, "replace by people: leads of teams, DRIs of services");
    return somebody;
  }

  /** `${NAME}` for the catalog's text, listed as to be set. */
  variable(name: string, what: string): string {
    return `\${${this.env(name, what)}}`;
  }

  /** The name of a variable that holds a secret, listed as to be set. */
  env(name: string, what: string): string {
    const variable = name
      .toUpperCase()
      .replaceAll(/[^A-Z0-9]+/g, "_")
      .replaceAll(/^_+|_+$/g, "");
    this.#fillIns.set(variable, what);
    return variable;
  }

  /** `defaults` are used for the organisation alone. */
  finish(defaults: { channel: string; team: string; policies?: DraftEntry | undefined }): Imported {
    if (this.problems.length > 0)
      return { file: {}, notes: this.notes, fillIns: [], problems: this.problems };
    const list = (section: DraftSection) => [...(this.#entries.get(section)?.values() ?? [])];
    const pagers = list("pagers");
    const sections: [string, unknown][] = [
      ...(["channels", "people", "teams", "services", "hookSources", "watchdogs"] as const).map(
        (section) => [section, list(section)] as [string, unknown],
      ),
      ["providers", pagers.length > 0 ? { pagers } : []],
    ];
    const organisation = this.#options.withOrganisation
      ? {
          organisation: {
            name: "Imported",
            slackTeams: [this.slackTeam],
            defaultChannel: defaults.channel,
            defaultOwner: defaults.team,
          },
          ...(defaults.policies ? { policies: defaults.policies } : {}),
        }
      : {};
    const kept = sections.filter(([, value]) => !Array.isArray(value) || value.length > 0);
    const variables = new Set([...this.#fillIns.keys()].map((name) => `\${${name}}`));
    const file = { ...organisation, ...Object.fromEntries(kept) };
    return {
      file: literalData(file, (text) => variables.has(text)) as Record<string, unknown>,
      notes: this.notes,
      fillIns: [...this.#fillIns].map(([name, what]) => ({ name, what })),
      problems: [],
    };
  }
}

/** A name as the catalog takes it. */
export function nameOf(text: string): string {
  const name = text
    .normalize("NFKD")
    .replaceAll(/\p{M}/gu, "")
    .replaceAll(/[^A-Za-z0-9._-]+/g, "-")
    .replaceAll(/^[._-]+|[._-]+$/g, "")
    .slice(0, 63)
    .replaceAll(/[._-]+$/g, "");
  if (name === "") return "unnamed";
  return parseId(name) === undefined ? name : `service-${name}`;
}
