/** Deploys that other senders tell of: recorded once, judged as they are told, kept and said when no service is meant. */
import * as lookup from "../../catalog/lookup.ts";
import type { Db, Tx } from "../../platform/db/database.ts";
import { escapeText } from "../../platform/messages/blocks.ts";
import type { Platform } from "../../platform/platform.ts";
import type { Job } from "../../platform/rings/runner.ts";
import type { Alerts, DeployEvent } from "../alerts/index.ts";
import { placeOf, versionShown } from "./place.ts";
import { countProblems, findByReference, keepPost, listDeploys, lockDeploysOf } from "./store.ts";
import type { Deploy, DeployOutcome, Deploys } from "./types.ts";

/** A pipeline and the deployment it makes tell of one version within this long, each with a reference of its own. */
const twinMs = 30 * 60_000;
/** What Quarterdeck moves itself it judges itself. */
const ownSources: readonly string[] = ["rollout", "rollback", "catalog"];

const versionCharsMax = 100;
const byCharsMax = 100;
const referenceCharsMax = 400;
const problemsSaidMax = 8;

export function createToldJob(
  platform: Platform,
  deploys: Deploys,
  alerts: { eventOf(db: Db, id: string): ReturnType<Alerts["eventOf"]> },
): Job {
  const { database, catalogs } = platform;
  return {
    name: "deploys.told",
    about: "Records a deploy, setting or flag that a hook told of, or how it turned out.",
    lane: "normal",
    async run(ref) {
      const told = await alerts.eventOf(database.db, ref);
      if (told?.event.kind !== "deploy") return undefined;
      const { event, source, receivedAt } = told;
      const catalog = catalogs.current();
      await database.tx(async (tx) => {
        const place = placeOf(catalog, source, event);
        if ("problem" in place)
          await keepUnplaced(tx, platform, { source, event, receivedAt, problem: place.problem });
        else await recordTold(tx, deploys, { ...place, source, event, receivedAt });
      });
      return undefined;
    },
  };
}

async function recordTold(
  tx: Tx,
  deploys: Deploys,
  told: { service: string; environment: string; source: string; event: DeployEvent; receivedAt: Date },
): Promise<void> {
  const { service, environment, source, event, receivedAt } = told;
  const { change } = event;
  const version = cut(versionShown(event.version), versionCharsMax);
  const reference = cut(event.reference, referenceCharsMax);
  // A sender's clock may be ahead of ours.
  const at = event.at === null || event.at > receivedAt ? receivedAt : event.at;
  const outcome: DeployOutcome = event.outcome === "started" ? "unknown" : event.outcome;
  await lockDeploysOf(tx.trx, service, environment);
  const same =
    (await findByReference(tx.trx, { service, environment, change, version, reference })) ??
    (change === "deploy" ? await twinOf(tx, { service, environment, version, at }) : undefined);
  if (same === undefined) {
    const by = cut(event.by ?? source, byCharsMax);
    const url = event.url ?? undefined;
    await deploys.record(tx, {
      service,
      environment,
      change,
      version,
      by,
      source,
      url,
      outcome,
      at,
      reference,
    });
    return;
  }
  // News that it began, come late, takes no verdict back.
  if (outcome !== "unknown" && !ownSources.includes(same.source))
    await deploys.markOutcome(tx, same.id, outcome);
}

/** The newest deploy of this version, told by another sender about the same time. */
async function twinOf(
  tx: Tx,
  { service, environment, version, at }: { service: string; environment: string; version: string; at: Date },
): Promise<Deploy | undefined> {
  const since = new Date(at.getTime() - twinMs);
  const before = new Date(at.getTime() + twinMs);
  const near = await listDeploys(tx.trx, {
    services: [service],
    environment,
    change: "deploy",
    since,
    before,
    limit: 50,
  });
  return near.find((deploy) => deploy.version === version);
}

async function keepUnplaced(
  tx: Tx,
  platform: Platform,
  told: { source: string; event: DeployEvent; receivedAt: Date; problem: string },
): Promise<void> {
  const { source, event, receivedAt, problem } = told;
  const catalog = platform.catalogs.current();
  const team = catalog.hookSources.find(({ name }) => name === source)?.team ?? "";
  await keepPost(tx.trx, {
    source,
    team,
    body: JSON.stringify(event),
    problem: cut(problem, 500),
    receivedAt,
  });
  const name = lookup.team(catalog, team)?.alertChannel ?? catalog.organisation.defaultChannel;
  const channel = lookup.channel(catalog, name);
  const slack = channel && lookup.slackIdOf(channel, platform.slackTeam());
  if (slack === undefined) return;
  const kept = await countProblems(tx.trx, source);
  const lines = kept
    .slice(0, problemsSaidMax)
    .map((one) => `• ${escapeText(one.problem, 300)}${one.seen > 1 ? ` (${one.seen} times)` : ""}`);
  const more = kept.length - lines.length;
  tx.say({
    key: `deploy-unplaced:${source}`,
    channel: slack,
    text: [
      `🟠 ${escapeText(source)} · deploys of no service in the catalog; they are kept, and suspects are ranked without them:`,
      ...lines,
      ...(more > 0 ? [`and ${more} more`] : []),
      "Name the repository in its service: `repositories: [owner/name]`; or call the service as its sender does.",
    ].join("\n"),
  });
}

const cut = (text: string, charsMax: number): string => [...text].slice(0, charsMax).join("");
