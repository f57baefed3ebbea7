import type { Deed, Person } from "./person.ts";
import type { Stack } from "./stack.ts";
import type { Ask } from "./until.ts";

export const alertsChannel = "C0SHOPALERTS";
export const leadsChannel = "C0LEADS";
export const opsChannel = "C0OPS";

export class Missed extends Error {}
export const see = (isSeen: boolean, otherwise: string): void => {
  if (!isSeen) throw new Missed(otherwise);
};
export const acknowledged = (deed: Deed): void =>
  see(deed.ok && deed.ack?.status === 200, `not acknowledged: ${JSON.stringify(deed)}`);
export const line = (text: string): string =>
  text
    .replace(/\s+/g, " ")
    .replace(/\u2060/g, "")
    .slice(0, 160);

export type Step = (name: string, work: () => Promise<string>) => Promise<boolean>;
export interface Actors {
  stack: Stack;
  now: () => Date;
  olive: Person;
  lena: Person;
  dev: Person;
  /** Waits for what is asked, at most `deadlineMs` (20 s) times the play's patience. */
  wait<T>(what: string, ask: Ask<T>, deadlineMs?: number): Promise<T>;
  /** Waits until all traffic is answered by a version. */
  onlyVersion(version: string, deadlineMs: number): Promise<Record<string, number>>;
}

export const words = (counts: Record<string, number>): string =>
  Object.entries(counts)
    .map(([version, count]) => `${count} answers from ${version}`)
    .join(", ");
