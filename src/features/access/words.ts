/** People, times and causes as cards, answers and pages write them. */
import { DateTime } from "luxon";
import { personBySlack, person as personOf, zoneOf } from "../../catalog/lookup.ts";
import type { Catalog } from "../../catalog/schema.ts";
import { formatDuration } from "../../platform/commands/time.ts";
import type { Basis, EndCause, Grant, Offer, Who } from "./model.ts";

/** Plain text: the doors escape it. */
export function nameOf(catalog: Catalog, { team, person }: Who): string {
  if (team === "-") return "Quarterdeck";
  return personBySlack(catalog, team, person)?.name ?? person;
}

export const requesterName = (catalog: Catalog, { personId, requester }: Grant): string =>
  personOf(catalog, personId)?.name ?? requester.person;

/** `03:15:40` in the zone of who reads it. */
export function clockText(catalog: Catalog, reader: Who, at: Date): string {
  const known = personBySlack(catalog, reader.team, reader.person);
  const zone = known ? zoneOf(catalog, known.id) : catalog.organisation.timezone;
  return DateTime.fromJSDate(at, { zone }).toFormat("HH:mm:ss");
}

/** `94 s`, `12 min`, `3 h 5 min` */
export function spanText(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000));
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
}

/** `15m (20m were asked)` */
export const durationText = (durationMs: number, askedMs: number): string =>
  durationMs === askedMs
    ? formatDuration(durationMs)
    : `${formatDuration(durationMs)} (${formatDuration(askedMs)} were asked)`;

export const countText = (count: number, one: string, many = `${one}s`): string =>
  count === 0 ? `no ${one}` : count === 1 ? `one ${one}` : `${count} ${many}`;

export function causeText(catalog: Catalog, because: EndCause): string {
  switch (because.is) {
    case "time":
      return "its time was up";
    case "returned":
      return "it was given back";
    case "revoked":
      return `${nameOf(catalog, because.by)} revoked it: ${because.reason}`;
    case "rights-lost":
      return because.why;
    case "vanished":
      return "somebody removed the login outside Quarterdeck";
    case "not-made":
      return `it could not be made: ${because.why}`;
  }
}

/** How it stands, for whoever came too late: `Lena Lind approved it at 10:00:05`. */
export function standing(catalog: Catalog, grant: Grant, reader: Who): string {
  const at = (time: Date | null): string => (time === null ? "" : ` at ${clockText(catalog, reader, time)}`);
  const { state } = grant;
  switch (state.is) {
    case "requested": {
      const last = state.approvals.at(-1);
      return last === undefined
        ? "it waits for approval"
        : `${nameOf(catalog, last.by)} approved it for ${formatDuration(last.durationMs)}${at(last.at)}; ${countText(grant.terms.quorum - state.approvals.length, "approval")} is missing`;
    }
    case "approved":
    case "granting":
    case "active": {
      const by =
        state.approvals.map((one) => nameOf(catalog, one.by)).join(" and ") ||
        `no approval was needed (${basisText(grant.basis)}): Quarterdeck`;
      const claimed = state.is === "approved" ? "" : `, and it was claimed${at(grant.claimedAt)}`;
      return `${by} approved it${at(grant.decidedAt)}${claimed}`;
    }
    case "revoking":
      return `it is being ended: ${causeText(catalog, state.because)}`;
    case "ended":
      return `it ended${at(state.at)}: ${causeText(catalog, state.because)}`;
    case "denied":
      return `${nameOf(catalog, state.by)} denied it${at(state.at)}: ${state.reason}`;
    case "lapsed":
      return `it lapsed${at(state.at)}: ${state.why}`;
    case "withdrawn":
      return state.instead === undefined
        ? `${requesterName(catalog, grant)} took it back${at(state.at)}`
        : `${requesterName(catalog, grant)} took ${insteadText(catalog, state.instead)}${at(state.at)}`;
  }
}

/** `readonly for 15m instead, as Lena Lind offered` */
export const insteadText = (
  catalog: Catalog,
  { by, role, durationMs }: Pick<Offer, "by" | "role" | "durationMs">,
): string => `${role} for ${formatDuration(durationMs)} instead, as ${nameOf(catalog, by)} offered`;

/** Why nobody needed to approve. Plain text. */
export function basisText(basis: Basis): string {
  switch (basis.is) {
    case "approval":
      return "somebody approves";
    case "none-needed":
      return "its policy asks for none";
    case "automatic":
      return `on call for ${basis.team} while ${basis.ticket} pages`;
    case "break-glass":
      return "taken without asking, in an emergency";
  }
}
