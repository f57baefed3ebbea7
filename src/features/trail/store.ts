/**
 * Reading the audit by pages. Each part of a filter that has an index becomes short walks of it, one per value, newest
 * first and no longer than a page; so a page costs the same over a thousand entries as over a million.
 */
import { type RawBuilder, sql } from "kysely";
import type { Db } from "../../platform/db/database.ts";
import type { AuditFilter, AuditLine, AuditPage } from "./model.ts";

/** Different subjects that are walked one by one; past that, what is searched for is found by walking the newest. */
const subjectsMax = 500;
/** Entries by which the order of times may differ from that of numbers: transactions that overlap. */
const overlapEntries = 2_000;

type Condition = RawBuilder<unknown>;

/** Walks of an index, one for each value of the column; `all`: of all entries, by number. */
type Walk =
  | { column: "subject" | "action" | "person" | "service"; values: readonly string[] }
  | { all: true };

interface Row {
  seq: string;
  at: Date;
  team: string;
  person: string;
  action: string;
  subject: string;
  service: string | null;
  body: string;
  hash: Buffer | null;
  name: string | null;
}

/** Entries that match, newest first. `before`: only those with a lower number. */
export async function readAudit(db: Db, filter: AuditFilter, before?: number): Promise<AuditPage> {
  const [range, { walks, conditions }] = await Promise.all([rangeOf(db, filter, before), planOf(db, filter)]);
  const where = sql.join([sql`true`, ...range, ...conditions], sql` and `);
  const count = filter.limit + 1;
  const found = walks.map((walk) =>
    "all" in walk
      ? sql`(select a.seq from audit a where ${where} order by a.seq desc limit ${count})`
      : sql`(select w.seq from unnest(${[...walk.values]}::text[]) wanted cross join lateral (
          select a.seq from audit a where ${sql.ref(`a.${walk.column}`)} = wanted and ${where}
          order by a.seq desc limit ${count}) w)`,
  );
  const { rows } = await sql<Row>`
    select a.seq, a.at, a.team, a.person, a.action, a.subject, a.service, a.body, a.hash, n.name
    from (select f.seq from (${sql.join(found, sql` union `)}) f order by f.seq desc limit ${count}) page
    join audit a on a.seq = page.seq left join people_names n on n.team = a.team and n.person = a.person
    order by a.seq desc`.execute(db);
  const lines = rows.slice(0, filter.limit).map(lineOf);
  return { lines, next: rows.length > filter.limit ? lines.at(-1)?.seq : undefined };
}

const isOneOf = (column: Condition, values: readonly string[]): Condition =>
  sql`${column} = any(${[...values]}::text[])`;

/** Which indexes are walked, the most telling one, and what is looked at on the way. */
async function planOf(
  db: Db,
  filter: AuditFilter,
): Promise<{ walks: readonly [Walk, ...Walk[]]; conditions: readonly Condition[] }> {
  const { subject, action, text, people, service } = filter;
  const actions = action === undefined ? undefined : await actionsOf(db, action);
  const rest: Condition[] = [];
  if (service !== undefined) rest.push(sql`a.service = ${service}`);
  if (people !== undefined)
    rest.push(
      isOneOf(
        sql`a.team || ':' || a.person`,
        people.map(({ team, person }) => `${team}:${person}`),
      ),
    );
  const withActions = actions === undefined ? rest : [...rest, isOneOf(sql`a.action`, actions)];
  if (subject !== undefined)
    return { walks: [{ column: "subject", values: [subject] }], conditions: withActions };
  if (text !== undefined) {
    const [subjects, named] = await Promise.all([subjectsFrom(db, text), actionsHolding(db, text)]);
    if (subjects.length <= subjectsMax)
      return {
        walks: [
          { column: "subject", values: subjects },
          { column: "action", values: named },
        ],
        conditions: withActions,
      };
    const matches = sql`(a.subject ^@ ${text} or ${isOneOf(sql`a.action`, named)})`;
    return { walks: [{ all: true }], conditions: [...withActions, matches] };
  }
  if (actions !== undefined) return { walks: [{ column: "action", values: actions }], conditions: rest };
  if (people !== undefined) {
    const values = [...new Set(people.map(({ person }) => person))];
    return { walks: [{ column: "person", values }], conditions: rest };
  }
  if (service !== undefined) return { walks: [{ column: "service", values: [service] }], conditions: rest };
  return { walks: [{ all: true }], conditions: rest };
}

/** Numbers between which the times lie, so that no walk goes back further, and the times themselves. */
async function rangeOf(
  db: Db,
  { since, until }: AuditFilter,
  before: number | undefined,
): Promise<readonly Condition[]> {
  const [first, last] = await Promise.all([
    since === undefined ? undefined : firstFrom(db, since),
    until === undefined ? undefined : firstFrom(db, until),
  ]);
  return [
    ...(since === undefined ? [] : [sql`a.at >= ${since}`]),
    ...(until === undefined ? [] : [sql`a.at < ${until}`]),
    ...(first === undefined ? [] : [sql`a.seq >= ${first - overlapEntries}`]),
    ...(last === undefined ? [] : [sql`a.seq <= ${last + overlapEntries}`]),
    ...(before === undefined ? [] : [sql`a.seq < ${before}`]),
  ];
}

/**
 * About where the entries of a time begin, by halving: numbers have no gaps and times rise with them but for
 * transactions that overlap. Undefined in an empty audit.
 */
async function firstFrom(db: Db, at: Date): Promise<number | undefined> {
  const { rows } = await sql<{ lo: string | null }>`
    with recursive halves (lo, hi) as (
      select (select min(seq) from audit), (select max(seq) + 1 from audit)
      union all
      select case when here.at < ${at} then here.seq + 1 else lo end,
        case when here.at < ${at} then hi else here.seq end
      from halves cross join lateral (select seq, at from audit where seq = (lo + hi) / 2) here
      where lo < hi)
    select lo from halves order by hi - lo limit 1`.execute(db);
  const lo = rows[0]?.lo ?? null;
  return lo === null ? undefined : Number(lo);
}

/** Actions there are: some hundred, found by skipping from one to the next along their index. */
async function everyAction(db: Db): Promise<readonly string[]> {
  const { rows } = await sql<{ action: string }>`
    with recursive known (action) as (
      (select action from audit order by action using ~<~ limit 1)
      union all
      select (select a.action from audit a where a.action ~>~ known.action order by a.action using ~<~ limit 1)
      from known where known.action is not null)
    select action from known where action is not null`.execute(db);
  return rows.map(({ action }) => action);
}

const actionsOf = async (db: Db, wanted: string): Promise<readonly string[]> =>
  (await everyAction(db)).filter((action) => action === wanted || action.startsWith(`${wanted}.`));

const actionsHolding = async (db: Db, text: string): Promise<readonly string[]> =>
  (await everyAction(db)).filter((action) => action.includes(text.toLowerCase()));

/** Different subjects that begin so; one more than {@link subjectsMax} at most. */
async function subjectsFrom(db: Db, text: string): Promise<readonly string[]> {
  // Bytes of the highest code point end the range: nothing that begins so is past them.
  const end = `${text}\u{10FFFF}`;
  const { rows } = await sql<{ subject: string }>`
    with recursive known (subject, n) as (
      (select subject, 1 from audit where subject ~>=~ ${text} and subject ~<~ ${end}
       order by subject using ~<~ limit 1)
      union all
      select (select a.subject from audit a where a.subject ~>~ known.subject and a.subject ~<~ ${end}
              order by a.subject using ~<~ limit 1), n + 1
      from known where known.subject is not null and n <= ${subjectsMax})
    select subject from known where subject is not null`.execute(db);
  return rows.map(({ subject }) => subject);
}

function lineOf(row: Row): AuditLine {
  const body = JSON.parse(row.body) as {
    actor?: { door?: string };
    reason?: string;
    before?: string;
    after?: string;
    detail?: Record<string, unknown>;
    catalog?: string;
    correlation?: string;
  };
  return {
    seq: Number(row.seq),
    at: row.at,
    team: row.team,
    person: row.person,
    name: row.name ?? undefined,
    door: body.actor?.door,
    action: row.action,
    subject: row.subject,
    service: row.service ?? undefined,
    reason: body.reason,
    before: body.before,
    after: body.after,
    detail: body.detail,
    catalog: body.catalog,
    correlation: body.correlation,
    body: row.body,
    hash: row.hash,
  };
}
