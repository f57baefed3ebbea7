/** What every live proof is given. */
import type { App } from "../../app.ts";
import * as lookup from "../../catalog/lookup.ts";
import type { Catalog, Person } from "../../catalog/schema.ts";
import type { Answer } from "../ops.ts";

export interface LiveOptions {
  /** Slack or catalog id of the person who is paged. */
  person?: string | undefined;
  service?: string | undefined;
  resource?: string | undefined;
}

export interface LiveParts {
  app: App;
  catalog: Catalog;
  options: LiveOptions;
  /** Who runs it: their lines go through the terminal's door, as they would type them. */
  runner: Tester;
  /** The local workspace: nobody sits there, so that its people are acted for. Else people are waited for. */
  actsForPeople: boolean;
  /** With `--no-wait` nobody is waited for. */
  mayWait: boolean;
  /** Says a line at the terminal's door as this person; others than the runner in the local workspace alone. */
  ask: (slackUser: string, line: string) => Promise<Answer>;
  /** Address of the web process. */
  url: string;
  /** Tells the person at the terminal what to do. */
  say: (line: string) => void;
  /** Seconds the grant lasts. */
  grantSec: number;
}

/** A person with their id in the workspace. */
export interface Tester extends Person {
  slackUser: string;
}

export const byWhom = ({ runner }: LiveParts): string => `by ${runner.name}, quarterdeck doctor`;

/** Milliseconds within which a worker does what it is rung for, and a person does what they are asked for. */
export const workMaxMs = 30_000;
export const personMaxMs = 5 * 60_000;

export const secondsText = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;

/** The person of that Slack or catalog id. */
export function testerOf(catalog: Catalog, slackTeam: string, id: string): Tester | undefined {
  const person = lookup.personBySlack(catalog, slackTeam, id) ?? lookup.person(catalog, id);
  const slackUser = person && lookup.slackIdOf(person, slackTeam);
  return person && slackUser !== undefined ? { ...person, slackUser } : undefined;
}
