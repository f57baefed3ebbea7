/**
 * Rights outside that are on no record: kept, counted and shown in one card per system. They are left alone, but for what
 * is ours and could not be removed yet.
 */
import { type ColumnType, sql } from "kysely";
import { leadsChannelFor, slackIdOf } from "../../catalog/lookup.ts";
import type { AccessorInstance, Catalog } from "../../catalog/schema.ts";
import { type Db, type Trx, tables } from "../../platform/db/database.ts";
import { card, context, dateToken, escapeText } from "../../platform/messages/blocks.ts";
import type { ExternalObject } from "../../providers/accessors/contract.ts";
import type { Room } from "./room.ts";
import { countText } from "./words.ts";

type Time = ColumnType<Date, Date, Date>;
interface OutsideTables {
  access_outside: {
    instance: string;
    object: string;
    words: string;
    can_login: boolean;
    first_seen: Time;
    gone_at: Time | null;
  };
}
const outsideTables = (db: Db | Trx) => tables<OutsideTables>(db);

/** Kept of one system at most; whoever has more has no use for a list. */
const keptMax = 1_000;
const shownMax = 10;

export interface Standing {
  instance: string;
  words: string;
  canLogin: boolean;
  firstSeen: Date;
}

/** What stands now, the newest first. */
export async function standingOutside(
  db: Db | Trx,
  filter: { instances?: readonly string[] | undefined },
  limit: number,
): Promise<Standing[]> {
  let query = outsideTables(db).selectFrom("access_outside").selectAll().where("gone_at", "is", null);
  // The empty name is nobody's: a list of none would be no SQL.
  if (filter.instances) query = query.where("instance", "in", [...filter.instances, ""]);
  const rows = await query.orderBy("first_seen", "desc").orderBy("object").limit(limit).execute();
  return rows.map((row) => ({
    instance: row.instance,
    words: row.words,
    canLogin: row.can_login,
    firstSeen: row.first_seen,
  }));
}

export async function countOutside(db: Db): Promise<{ instance: string; count: number }[]> {
  const { rows } = await sql<{ instance: string; count: number }>`
    select instance, count(*)::int as count from access_outside where gone_at is null group by 1 order by 1`.execute(
    db,
  );
  return rows;
}

/** Keeps what was found without a record; when that changed, the card of the system says so. */
export async function keepOutside(
  { platform }: Room,
  instance: AccessorInstance,
  found: readonly ExternalObject[],
): Promise<void> {
  await platform.database.tx(async (tx) => {
    await sql`select pg_advisory_xact_lock(hashtextextended(${`access outside ${instance.name}`}, 0))`.execute(
      tx.trx,
    );
    const rows = [...new Map(found.map((object) => [objectKey(object), object] as const))]
      .slice(0, keptMax)
      .map(([object, { words, readBack }]) => ({ object, words, can_login: readBack.canLogin }));
    const { rows: news } = await sql<{ object: string }>`
      insert into access_outside (instance, object, words, can_login, first_seen)
      select ${instance.name}, object, words, can_login, ${tx.now}::timestamptz
      from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as given (object text, words text, can_login boolean)
      on conflict (instance, object) do update set gone_at = null,
        first_seen = case when access_outside.gone_at is null then access_outside.first_seen else excluded.first_seen end,
        words = excluded.words, can_login = excluded.can_login
      where access_outside.gone_at is not null or access_outside.words <> excluded.words
        or access_outside.can_login <> excluded.can_login
      returning object`.execute(tx.trx);
    const { rows: gone } = await sql<{ object: string }>`
      update access_outside set gone_at = ${tx.now}
      where instance = ${instance.name} and gone_at is null
        and not (object = any(${rows.map(({ object }) => object)}::text[]))
      returning object`.execute(tx.trx);
    if (news.length + gone.length === 0) return;
    const channel = channelOf(platform.catalogs.current(), instance, platform.slackTeam());
    if (channel === undefined) return;
    const standing = await standingOutside(tx.trx, { instances: [instance.name] }, keptMax);
    tx.say({ key: `access:outside:${instance.name}`, channel, ...outsideCard(instance.name, standing) });
  });
}

const objectKey = ({ ref, words }: ExternalObject): string => `${ref.externalName} ${words}`.slice(0, 500);

/** Where the leads of the first resource in that system read. */
function channelOf(catalog: Catalog, instance: AccessorInstance, slackTeam: string): string | undefined {
  const approvers = catalog.resources
    .filter(({ accessor }) => accessor === instance.name)
    .flatMap(({ roles }) => roles.flatMap(({ policy }) => policy.approvers));
  return slackIdOf(leadsChannelFor(catalog, approvers[0] ?? catalog.organisation.defaultOwner), slackTeam);
}

function outsideCard(instance: string, standing: readonly Standing[]) {
  const name = escapeText(instance);
  const count = countText(standing.length, "right");
  return card({
    mark: standing.length === 0 ? "⚫" : "🟠",
    headline: `${name} · ${count} outside that ${standing.length === 1 ? "is" : "are"} on no record`,
    context: [
      "found there; what Quarterdeck did not give is left alone",
      "a request through Quarterdeck would end by itself",
    ],
    body: [
      ...standing.slice(0, shownMax).map((one) => context(standingLine(one))),
      ...(standing.length > shownMax
        ? [context(`and ${standing.length - shownMax} more: \`/ops access list\``)]
        : []),
    ],
  });
}

export const standingLine = ({ words, canLogin, firstSeen }: Standing): string =>
  `${escapeText(words, 200)}${canLogin ? "" : " (lets nobody in)"} · seen first ${dateToken(firstSeen, "date_time")}`;
