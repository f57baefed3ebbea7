/** Telling somebody by a way that needs neither Slack nor a worker. */

import type { Db } from "../../platform/db/database.ts";
import type { Log } from "../../platform/log.ts";
import { alarmText, cureText } from "./cards.ts";
import { type Alarm, claimUntold, type Told, writeTold } from "./store.ts";

/** What another channel is told; it knows the same `key` as the same trouble. */
export interface Call {
  key: string;
  headline: string;
  detail: string;
  openedAt: Date;
}

/** A pager that the catalog names for Quarterdeck's own troubles. Both may be called again with the same key. */
export interface Channel {
  name: string;
  open(call: Call): Promise<void>;
  end(call: Call): Promise<void>;
}

/** Milliseconds after which a pager that could not be told is told again. */
const againMs = 20_000;

/** Tells every channel what it has not been told. One that fails holds up no other and is tried at a later look. */
export async function tellAlarms(parts: {
  db: Db;
  now: () => Date;
  log: Log;
  channels: readonly Channel[];
}): Promise<void> {
  for (const alarm of await claimUntold(parts.db, parts.now(), againMs)) {
    const told: Record<string, Told> = { ...alarm.told };
    const outcomes = await Promise.all(
      parts.channels.map(async (channel) => {
        const wanted = wantedOf(alarm, told[channel.name]);
        if (wanted === undefined) return true;
        try {
          await (wanted === "open" ? channel.open(callOf(alarm)) : channel.end(callOf(alarm)));
          told[channel.name] = wanted;
          return true;
        } catch (error) {
          parts.log.error(
            { err: error, pager: channel.name },
            "a pager could not be told of our own trouble",
          );
          return false;
        }
      }),
    );
    await writeTold(parts.db, alarm, told, outcomes.every(Boolean));
  }
}

/** Who never heard of it need not hear that it is over. */
function wantedOf(alarm: Alarm, told: Told | undefined): Told | undefined {
  if (alarm.endedAt === null) return told === undefined ? "open" : undefined;
  return told === "open" ? "ended" : undefined;
}

const callOf = (alarm: Alarm): Call => ({
  key: `quarterdeck-${alarm.condition}-${alarm.id}`,
  headline: alarmText(alarm.saw),
  detail: cureText(alarm.condition),
  openedAt: alarm.openedAt,
});
