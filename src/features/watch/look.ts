/**
 * One look at Quarterdeck itself, from a web process: that no worker lives cannot be noticed by a worker. Any number
 * of web processes look; the row `watch_state` lets one at a time decide.
 */
import { channel as channelOf, slackIdOf } from "../../catalog/lookup.ts";
import type { Database, Tx } from "../../platform/db/database.ts";
import { systemActor } from "../../platform/people.ts";
import type { Platform } from "../../platform/platform.ts";
import { SlackError } from "../../platform/slack/client.ts";
import type { Pagers } from "../../providers/pagers/instances.ts";
import { namesOf, tellAlarms } from "./alarm.ts";
import { alarming, troubleCard } from "./cards.ts";
import { type EvidenceParts, readEvidence } from "./evidence.ts";
import { beatEveryMs, sendHeartbeat } from "./heartbeat.ts";
import { type Evidence, type Finding, findingsOf, isExplained, step, whySilent } from "./model.ts";
import { isListening } from "./overdue.ts";
import {
  type Alarm,
  claimBeat,
  claimSlackCall,
  endAlarm,
  ensureState,
  lockState,
  openAlarm,
  standingsOf,
  writeBeat,
  writeLook,
  writeSlack,
  writeStanding,
} from "./store.ts";

/** Milliseconds between two questions to Slack. */
const slackEveryMs = 50_000;

export interface LookParts {
  platform: Pick<Platform, "log" | "clock" | "catalogs" | "slack" | "slackTeam" | "publicUrl"> & {
    database: Database;
  };
  heartbeatUrl: string | undefined;
  databaseNow: EvidenceParts["databaseNow"];
  deliverySince: EvidenceParts["deliverySince"];
  pagers: Pagers;
}

export function createLook(parts: LookParts): () => Promise<void> {
  const { platform } = parts;
  const { database, clock } = platform;
  const now = () => clock.now();
  return async () => {
    await ensureState(database.db, now());
    await askSlack(parts);
    const evidence = await readEvidence({ ...parts, db: database.db, now });
    const found = findingsOf(evidence);
    await database.tx((tx) => decide(tx, parts, evidence, found));
    await tellAlarms(parts);
    await beat(parts);
  };
}

/** Asked by itself each minute: in a quiet night nothing else would notice that the token was taken away. */
async function askSlack({ platform }: LookParts): Promise<void> {
  const { database, clock, slack } = platform;
  if (!(await claimSlackCall(database.db, clock.now(), slackEveryMs))) return;
  try {
    await slack.call("auth.test", {});
    await writeSlack(database.db, { is: "valid" }, clock.now());
  } catch (error) {
    if (!(error instanceof SlackError)) throw error;
    const { trouble } = error;
    // An answer that asks for patience is an answer to a token that is known.
    if (trouble.kind === "rate_limited") return writeSlack(database.db, { is: "valid" }, clock.now());
    const is = trouble.kind === "unreachable" ? "unreachable" : "rejected";
    await writeSlack(database.db, { is, code: trouble.code }, clock.now());
  }
}

async function decide(
  tx: Tx,
  parts: LookParts,
  evidence: Evidence,
  found: readonly Finding[],
): Promise<void> {
  const { log } = parts.platform;
  const state = await lockState(tx.trx);
  // Another web process is at it, or has looked later than this one.
  if (!state || state.lookedAt > evidence.at) return;
  const silentWhy = whySilent(found) ?? null;
  if (silentWhy !== null && silentWhy !== state.silentWhy)
    log.error({ found: silentWhy }, `no heartbeat goes out: ${silentWhy}`);
  if (silentWhy === null && state.silentWhy !== null) log.info("all is well again; heartbeats go out");
  await writeLook(tx.trx, {
    lookedAt: evidence.at,
    listeningSince: isListening(state.lookedAt, evidence.at) ? state.listeningSince : evidence.at,
    findings: found,
    silentWhy,
  });
  await settleTroubles(tx, parts, evidence.at, found);
}

async function settleTroubles(tx: Tx, parts: LookParts, at: Date, found: readonly Finding[]): Promise<void> {
  const standings = await standingsOf(tx.trx);
  for (const { condition, isWell, saw } of found) {
    if (!alarming.has(condition)) continue;
    const standing = standings.get(condition) ?? { state: "well" as const };
    const { next, turn } = step(standing, isWell, isExplained(condition, found), at);
    if (next !== standing) await writeStanding(tx.trx, condition, next, at);
    switch (turn) {
      case "stays":
        break;
      case "opens":
        parts.platform.log.fatal({ condition }, `Quarterdeck itself is in trouble: ${saw}`);
        await told(tx, parts, await openAlarm(tx.trx, condition, saw, at), "watch.trouble");
        break;
      case "ends":
        parts.platform.log.warn({ condition }, `Quarterdeck's trouble is over: ${saw}`);
        await told(tx, parts, await endAlarm(tx.trx, condition, at), "watch.over");
        break;
    }
  }
}

async function told(tx: Tx, parts: LookParts, alarm: Alarm | undefined, action: string): Promise<void> {
  if (!alarm) return;
  tx.audit({
    actor: systemActor,
    action,
    subject: "quarterdeck",
    reason: alarm.saw,
    correlation: alarm.id,
    detail: { condition: alarm.condition, pagers: namesOf(parts.platform.catalogs.current()) },
  });
  const { catalogs, slackTeam } = parts.platform;
  const { organisation } = catalogs.current();
  const known = channelOf(catalogs.current(), organisation.defaultChannel);
  const channel = known && slackIdOf(known, slackTeam());
  if (channel) tx.say({ key: `watch:${alarm.id}`, channel, ...troubleCard(alarm) });
}

async function beat({ platform, heartbeatUrl }: LookParts): Promise<void> {
  if (heartbeatUrl === undefined) return;
  const { database, clock, log } = platform;
  if (!(await claimBeat(database.db, clock.now(), beatEveryMs))) return;
  const error = await sendHeartbeat(heartbeatUrl, {
    source: "quarterdeck",
    at: clock.now().toISOString(),
    proven: "intake, queue and paging work",
  });
  await writeBeat(database.db, error ?? null);
  if (error !== undefined) log.error(`the heartbeat did not arrive: ${error}`);
}
