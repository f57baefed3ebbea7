/** Telling somebody by a way that needs neither Slack nor a worker: the pagers that the catalog names for it. */
import type { Catalog } from "../../catalog/schema.ts";
import type { Platform } from "../../platform/platform.ts";
import type { PageNotice, Pager } from "../../providers/pagers/contract.ts";
import type { Pagers } from "../../providers/pagers/instances.ts";
import { alarmText, cureText } from "./cards.ts";
import { type Alarm, claimUntold, type Told, writeTold } from "./store.ts";

/** Milliseconds after which a pager that could not be told is told again. */
const againMs = 20_000;
/** What a phone's lock screen shows, in characters. */
const summaryCharsMax = 80;

export interface AlarmParts {
  platform: Pick<Platform, "database" | "clock" | "catalogs" | "log" | "publicUrl">;
  pagers: Pagers;
}

/** Names of the pagers that are told; a catalog loaded by an older release has none. */
export const namesOf = (catalog: Catalog): readonly string[] => catalog.policies.watch?.pagers ?? [];

/** Tells every pager what it has not been told. One that fails holds up no other and is tried at a later look. */
export async function tellAlarms({ platform, pagers }: AlarmParts): Promise<void> {
  const { database, clock, catalogs, log } = platform;
  const catalog = catalogs.current();
  for (const alarm of await claimUntold(database.db, clock.now(), againMs)) {
    const told: Record<string, Told> = { ...alarm.told };
    const tell = async (name: string): Promise<boolean> => {
      const wanted = wantedOf(alarm, told[name]);
      const instance = catalog.providers.pagers.find((one) => one.name === name);
      if (wanted === undefined || instance === undefined) return true;
      try {
        await say(pagers.of(instance), wanted, noticeOf(alarm, catalog, platform.publicUrl));
        told[name] = wanted;
        return true;
      } catch (error) {
        log.error({ err: error, pager: name }, "a pager could not be told of Quarterdeck's own trouble");
        return false;
      }
    };
    // Who was told of the beginning is told of the end, whatever the catalog names meanwhile.
    const names = new Set([...namesOf(catalog), ...Object.keys(alarm.told)]);
    const outcomes = await Promise.all([...names].map(tell));
    await writeTold(database.db, alarm, told, outcomes.every(Boolean));
  }
}

/** Who never heard of it need not hear that it is over. */
function wantedOf(alarm: Alarm, told: Told | undefined): Told | undefined {
  if (alarm.endedAt === null) return told === undefined ? "open" : undefined;
  return told === "open" ? "ended" : undefined;
}

async function say(pager: Pager, wanted: Told, notice: PageNotice): Promise<void> {
  if (wanted === "open") await pager.trigger(notice);
  else await pager.resolve(notice, "Quarterdeck");
}

function noticeOf(alarm: Alarm, catalog: Catalog, publicUrl: string): PageNotice {
  const text = alarmText(alarm.saw);
  return {
    // Not a page of ours: what a provider tells of it later is for nobody here.
    key: `quarterdeck-watch:${alarm.id}`,
    summary: text.length > summaryCharsMax ? `${text.slice(0, summaryCharsMax - 1)}…` : text,
    detail: `${text}. ${cureText(alarm.condition)}`,
    subject: "quarterdeck",
    team: catalog.organisation.defaultOwner,
    service: null,
    openedAt: alarm.openedAt,
    url: publicUrl,
  };
}
