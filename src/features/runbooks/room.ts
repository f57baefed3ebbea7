/** What the files of this room share. */
import type { Platform } from "../../platform/platform.ts";
import type { Alerts } from "../alerts/index.ts";
import type { Tickets } from "../tickets/index.ts";
import type { Sources } from "./gather.ts";
import type { Library } from "./library.ts";

export interface RunbookRooms extends Sources {
  /** Tickets a runbook is opened for, and those a person has open. */
  tickets: Pick<Tickets, "ticketOf" | "openTicketsOf">;
  /** Labels of a ticket's alerts. */
  alerts: Pick<Alerts, "readGroup" | "readGroups">;
}

export interface Room {
  platform: Platform;
  rooms: RunbookRooms;
  library: Library;
}

/** The whole text, for what a message has no room for. */
export const pageOf = ({ publicUrl }: Pick<Platform, "publicUrl">, name: string): string =>
  `${publicUrl}/runbooks/${encodeURIComponent(name)}`;
