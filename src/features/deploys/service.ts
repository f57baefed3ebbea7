import * as lookup from "../../catalog/lookup.ts";
import type { DataMigration } from "../../catalog/schema.ts";
import type { Db, Trx, Tx } from "../../platform/db/database.ts";
import type { HookAnswer, HookRequest } from "../../platform/feature.ts";
import { numberOf } from "../../platform/ids.ts";
import { escapeText } from "../../platform/messages/blocks.ts";
import { systemActor } from "../../platform/people.ts";
import type { Platform } from "../../platform/platform.ts";
import { nextPublicId } from "../../platform/publicids.ts";
import { type PostedDeploy, readPost } from "./posts.ts";
import {
  changeOutcome,
  currentDeploy,
  findByReference,
  findDeploy,
  goodDeploys,
  insertDeploy,
  keepPost,
  listDeploys,
  lockDeploysOf,
  migrationsSince,
  toldMigration,
  writeMigration,
} from "./store.ts";
import type { Deploy, Deploys, NewDeploy } from "./types.ts";

const problemsSaidMax = 5;
const recentChangesMax = 500;
const rawCharsMax = 20_000;

export function createDeploysApi(platform: Platform): Deploys {
  const { database, catalogs } = platform;

  const record = async (tx: Tx, wanted: NewDeploy): Promise<Deploy> => {
    const { service, environment, version, reference, change = "deploy" } = wanted;
    await lockDeploysOf(tx.trx, service, environment);
    const known = await findByReference(tx.trx, { service, environment, change, version, reference });
    if (known) return wanted.migration ? addMigration(tx, known, wanted.migration) : known;
    const id = await nextPublicId(tx.trx, "deploy");
    const previous = wanted.previous ?? (change === "deploy" ? await previousOf(tx, wanted) : undefined);
    const deploy: Deploy = {
      id,
      service,
      environment,
      change,
      version,
      previous,
      by: wanted.by,
      source: wanted.source,
      url: wanted.url,
      outcome: wanted.outcome ?? "unknown",
      at: wanted.at,
      migration:
        wanted.migration ?? (change === "deploy" ? await migrationOf(tx.trx, service, version) : undefined),
    };
    await insertDeploy(tx.trx, { ...deploy, reference, number: numberOf(id) }, tx.now);
    tx.audit({
      actor: systemActor,
      action: "deploy.recorded",
      subject: id,
      service,
      after: deploy.outcome,
      detail: { environment, change, version, previous, by: wanted.by, source: wanted.source, reference },
    });
    tx.emit("deploys.recorded", id);
    return deploy;
  };

  /** What is told of it later is added: its reversal, mostly, once somebody has written it. */
  const addMigration = async (tx: Tx, known: Deploy, told: DataMigration): Promise<Deploy> => {
    const migration = { ...known.migration, ...told };
    if (JSON.stringify(migration) === JSON.stringify(known.migration)) return known;
    await writeMigration(tx.trx, known.id, migration);
    tx.audit({
      actor: systemActor,
      action: "deploy.migration-told",
      subject: known.id,
      service: known.service,
      detail: { ...migration },
    });
    return { ...known, migration };
  };

  const migrationOf = async (db: Db | Trx, service: string, version: string) => {
    const declared = lookup.migrationOf(catalogs.current(), service, version);
    const told = await toldMigration(db, service, version);
    // Of another migration nothing is taken over.
    if (declared && told && declared.id !== told.id) return declared;
    return declared || told ? ({ ...told, ...declared } as DataMigration) : undefined;
  };

  const previousOf = async (tx: Tx, { service, environment, version, at }: NewDeploy) => {
    const before = await listDeploys(tx.trx, {
      services: [service],
      environment,
      change: "deploy",
      before: at,
      limit: 50,
    });
    return before.find((deploy) => deploy.outcome !== "bad" && deploy.version !== version)?.version;
  };

  return {
    record,
    find: (id) => findDeploy(database.db, id),

    async markOutcome(tx, id, outcome) {
      const changed = await changeOutcome(tx.trx, id, outcome, tx.now);
      if (!changed || changed.before === outcome) return;
      tx.audit({
        actor: systemActor,
        action: "deploy.judged",
        subject: id,
        service: changed.service,
        before: changed.before,
        after: outcome,
      });
      tx.emit("deploys.judged", id);
    },

    async seed(tx, { service, environment }, runs) {
      const version = runs ?? lookup.trafficOf(catalogs.current(), service, environment)?.initialVersion;
      if (version === undefined) return;
      await lockDeploysOf(tx.trx, service, environment);
      const [known] = await listDeploys(tx.trx, {
        services: [service],
        environment,
        change: "deploy",
        ...(runs === undefined ? {} : { version: runs }),
        limit: 1,
      });
      if (known) return;
      const by = runs === undefined ? "catalog" : "traffic";
      await record(tx, {
        service,
        environment,
        version,
        by,
        source: "catalog",
        reference: "initial",
        outcome: "good",
        at: tx.now,
      });
    },

    recent: (service, options) =>
      listDeploys(database.db, { services: [service], change: "deploy", ...options }),

    async recentChanges(services, since) {
      return services.length === 0
        ? []
        : listDeploys(database.db, { services, since, limit: recentChangesMax });
    },

    current: (service, environment) => currentDeploy(database.db, service, environment),
    migrationOf: (service, version) => migrationOf(database.db, service, version),
    migrationsSince: (service, environment, version) =>
      migrationsSince(database.db, service, environment, version),
    good: (service, environment) => goodDeploys(database.db, service, environment),

    async lastGood(service, environment, notVersion) {
      const good = await goodDeploys(database.db, service, environment);
      return good.find(({ version }) => version !== notVersion);
    },
  };
}

/** `POST /hooks/<source>`: takes what can be read in one transaction, keeps the rest as it came and says so. */
export function createDeployHook(platform: Platform, deploys: Deploys) {
  const { database, catalogs } = platform;
  return async (request: HookRequest): Promise<HookAnswer> => {
    const catalog = catalogs.current();
    const names = catalog.services.map(({ name }) => name);
    const known = {
      names,
      environmentsOf: (name: string) =>
        names.includes(name) ? lookup.environmentsOf(catalog, name) : undefined,
    };
    const text = request.body.toString("utf8");
    const { deploys: posted, problems } = readPost(text, known, request.receivedAt);
    const recorded = await database.tx(async (tx) => {
      const ids: string[] = [];
      for (const deploy of posted)
        ids.push((await deploys.record(tx, await newDeployOf(tx, request, deploy))).id);
      for (const problem of problems) {
        await keepPost(tx.trx, {
          source: request.source,
          team: request.team,
          // Postgres' text holds no NUL.
          body: problem.raw.replaceAll("\u0000", "\ufffd").toWellFormed().slice(0, rawCharsMax),
          problem: `${problem.field} ${problem.message}`.toWellFormed().slice(0, 500),
          receivedAt: request.receivedAt,
        });
      }
      if (problems.length > 0) {
        const name = lookup.team(catalog, request.team)?.alertChannel ?? catalog.organisation.defaultChannel;
        const channel = lookup.channel(catalog, name);
        const slack = channel && lookup.slackIdOf(channel, platform.slackTeam());
        const what = problems
          .slice(0, problemsSaidMax)
          .map(({ field, message }) => `\`${escapeText(field, 60)}\` ${escapeText(message, 200)}`);
        const more =
          problems.length > problemsSaidMax ? ` and ${problems.length - problemsSaidMax} more` : "";
        if (slack)
          tx.say({
            key: `deploy-post:${request.source}:${request.team}`,
            channel: slack,
            text: `🟠 ${escapeText(request.source)} · deploys that cannot be read: ${what.join("; ")}${more}. Kept as they came; the sender got 400.`,
          });
      }
      return ids;
    });
    if (problems.length === 0) return { status: 200, body: { ok: true, deploys: recorded } };
    const [first] = problems;
    return {
      status: 400,
      body: {
        error: "unreadable",
        field: first?.field,
        message: `${first?.field} ${first?.message}.`,
        problems: problems.map(({ field, message }) => ({ field, message })),
        deploys: recorded,
      },
    };
  };

  async function newDeployOf(tx: Tx, request: HookRequest, posted: PostedDeploy): Promise<NewDeploy> {
    const { service, environment, change, version, by, url, migration } = posted;
    return {
      service,
      environment,
      change,
      version,
      by,
      url,
      migration,
      source: request.source,
      at: posted.at ?? request.receivedAt,
      reference: posted.reference ?? posted.at?.toISOString() ?? (await implicitReference(tx, posted)),
    };
  }
}

/**
 * A post without time or reference: the same version again is the same deploy until another one comes between, so a
 * repeated delivery is not a second deploy and a later return to the version is.
 */
async function implicitReference(
  tx: Tx,
  { service, environment, change, version }: PostedDeploy,
): Promise<string> {
  await lockDeploysOf(tx.trx, service, environment);
  const newest = await listDeploys(tx.trx, { services: [service], environment, change, limit: 50 });
  const before = newest.find((deploy) => deploy.version !== version);
  return `after:${before?.id ?? "none"}`;
}
