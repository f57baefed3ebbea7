import { type Kysely, type Migration, sql } from "kysely";

/**
 * The audit in four tables. `audit_pending`: what transactions added and is not chained yet. `audit_chained`: the chain,
 * in parts that leave whole. `audit_head`: its end; whoever chains, seals or takes a part away locks this row.
 * `audit_seals`: what was signed. `audit` shows both kinds of entries, and takes what the release before writes.
 *
 * Everything that the app role may not do to these tables by itself is a function of the owner's, which does it only
 * in the way that keeps the chain whole.
 */
const sealedAudit = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    drop trigger audit_no_change on audit;
    drop trigger audit_no_truncate on audit;
    alter table audit rename to audit_part_1;
    alter index audit_pkey rename to audit_part_1_pkey;
    alter index if exists audit_action rename to audit_part_1_action;
    alter index if exists audit_subject rename to audit_part_1_subject;
    alter index audit_service rename to audit_part_1_service;
    alter index audit_person rename to audit_part_1_person;

    create table audit_chained (
      seq bigint primary key, at timestamptz not null, team text not null, person text not null, action text not null,
      subject text not null, service text, body text not null, hash bytea not null) partition by range (seq);
    create index audit_subject on audit_chained (subject, seq);
    create index audit_service on audit_chained (service, seq);
    create index audit_person on audit_chained (person, seq);
    alter table audit_chained attach partition audit_part_1 for values from (minvalue) to (maxvalue);
    create trigger audit_no_change before update or delete on audit_chained for each row
      when (current_setting('quarterdeck.audit_unchain', true) is distinct from 'on')
      execute function audit_is_append_only();
    create trigger audit_no_truncate before truncate on audit_chained execute function audit_is_append_only();
    create trigger audit_no_truncate before truncate on audit_part_1 execute function audit_is_append_only();

    create table audit_pending (
      id bigint generated always as identity primary key, at timestamptz not null, team text not null,
      person text not null, action text not null, subject text not null, service text,
      body_start text not null, body_end text not null)
      -- It empties all the time, and is read whole: what was taken must not pile up.
      with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_analyze_scale_factor = 0,
        autovacuum_analyze_threshold = 2000);
    create trigger audit_no_change before update on audit_pending
      for each row execute function audit_is_append_only();
    create trigger audit_no_truncate before truncate on audit_pending execute function audit_is_append_only();

    create table audit_log (
      id integer primary key check (id = 1), log text not null, compared_at timestamptz, held_at timestamptz, held_why text);
    insert into audit_log values (1, gen_random_uuid()::text, null, null, null);
    create table audit_seals (
      number bigint primary key, seq bigint not null, count integer not null, at timestamptz not null,
      body text not null, archived_at timestamptz);
    create index audit_seals_seq on audit_seals (seq, number);
    create index audit_seals_to_archive on audit_seals (number) where archived_at is null;
    create table audit_parts (
      number integer primary key, first_seq bigint not null, last_seq bigint, opened_at timestamptz not null,
      gone_at timestamptz);
    insert into audit_parts select 1, 1, null, coalesce((select min(at) from audit_part_1), now()), null;

    create view audit as
      select seq, at, team, person, action, subject, service, body, hash from audit_chained
      union all
      select seq, at, team, person, action, subject, service, body_start || '"seq":' || seq || body_end, null
      from (
        select (select seq from audit_head where id = 1) + row_number() over (order by id) as seq,
          at, team, person, action, subject, service, body_start, body_end
        from audit_pending) as waiting;
  `.execute(db);
  await sql`
    create function audit_take_chained() returns trigger language plpgsql security definer
      set search_path = public, pg_temp as $f$
    begin
      insert into audit_chained values
        (new.seq, new.at, new.team, new.person, new.action, new.subject, new.service, new.body, new.hash);
      return new;
    end $f$;
    create trigger audit_take_chained instead of insert on audit for each row execute function audit_take_chained();

    -- Chains what waits, oldest first, at most rows_max. Answers how many it took; nothing while the chain is held.
    create function audit_chain(rows_max integer) returns integer language plpgsql security definer
      set search_path = public, pg_temp as $f$
    declare
      head audit_head;
      entry audit_pending;
      first bigint;
      written text;
      taken bigint[] := '{}';
      bodies text[] := '{}';
      hashes bytea[] := '{}';
    begin
      if not exists (select from audit_pending) then return 0; end if;
      select * into strict head from audit_head where id = 1 for update;
      first := head.seq;
      if exists (select from audit_log where held_at is not null) then return 0; end if;
      for entry in select * from audit_pending order by id limit rows_max loop
        head.seq := head.seq + 1;
        written := entry.body_start || '"seq":' || head.seq || entry.body_end;
        head.hash := sha256(head.hash || convert_to(written, 'UTF8'));
        taken := taken || entry.id;
        bodies := bodies || written;
        hashes := hashes || head.hash;
      end loop;
      insert into audit_chained
        select first + place, at, team, person, action, subject, service, made.body, made.hash
        from unnest(taken, bodies, hashes) with ordinality as made (id, body, hash, place)
        join audit_pending using (id) order by place;
      delete from audit_pending where id = any (taken);
      update audit_head set seq = head.seq, hash = head.hash where id = 1;
      return cardinality(taken);
    end $f$;

    -- Begins a new part behind the last entry, if that entry is after_seq and sealed. Answers the number of the new part.
    create function audit_begin_part(after_seq bigint) returns integer language plpgsql security definer
      set search_path = public, pg_temp as $f$
    declare
      part audit_parts;
      since text;
    begin
      perform from audit_head where id = 1 and seq = after_seq for update;
      if not found or not exists (select from audit_seals where seq = after_seq) then return null; end if;
      select * into strict part from audit_parts where last_seq is null;
      if part.first_seq > after_seq then return null; end if;
      since := case when part.number = 1 then 'minvalue' else part.first_seq::text end;
      execute format('alter table audit_chained detach partition audit_part_%s', part.number);
      execute format('alter table audit_chained attach partition audit_part_%s for values from (%s) to (%s)',
        part.number, since, after_seq + 1);
      execute format('create table audit_part_%s partition of audit_chained for values from (%s) to (maxvalue)',
        part.number + 1, after_seq + 1);
      execute format('create trigger audit_no_truncate before truncate on audit_part_%s execute function audit_is_append_only()',
        part.number + 1);
      update audit_parts set last_seq = after_seq where number = part.number;
      insert into audit_parts values (part.number + 1, after_seq + 1, null, clock_timestamp(), null);
      return part.number + 1;
    end $f$;

    -- Takes the oldest part away: closed, ended by a seal, all of it in the archive, its newest entry older than keep
    -- and than 30 days. Answers its row, or nothing.
    create function audit_drop_part(keep interval) returns setof audit_parts language plpgsql security definer
      set search_path = public, pg_temp as $f$
    declare
      part audit_parts;
      newest timestamptz;
    begin
      perform from audit_head where id = 1 for update;
      select * into part from audit_parts where gone_at is null order by number limit 1;
      if part.last_seq is null or not exists (select from audit_seals where seq = part.last_seq) then return; end if;
      if exists (select from audit_seals
        where seq >= part.first_seq and seq - count < part.last_seq and archived_at is null) then return; end if;
      select max(at) into newest from audit_chained where seq between part.first_seq and part.last_seq;
      if newest > clock_timestamp() - greatest(keep, interval '30 days') then return; end if;
      execute format('drop table audit_part_%s', part.number);
      update audit_parts set gone_at = clock_timestamp() where number = part.number;
      return next part;
    end $f$;

    -- Takes entries behind to_seq off the chain, to be chained again behind others, and with them the seals behind
    -- to_seal. Nothing that the archive has is touched.
    create function audit_unchain(to_seq bigint, to_seal bigint) returns integer language plpgsql security definer
      set search_path = public, pg_temp as $f$
    declare
      head audit_head;
      moved integer;
    begin
      select * into strict head from audit_head where id = 1 for update;
      if exists (select from audit_seals where number > to_seal and archived_at is not null)
        or exists (select from audit_seals where number <= to_seal and seq > to_seq) then
        raise exception 'entries behind % are in the archive', to_seq using errcode = 'insufficient_privilege';
      end if;
      delete from audit_seals where number > to_seal;
      perform set_config('quarterdeck.audit_unchain', 'on', true);
      insert into audit_pending (id, at, team, person, action, subject, service, body_start, body_end)
        overriding system value
        select seq - head.seq - 1 + least(0, (select min(id) from audit_pending)),
          at, team, person, action, subject, service, parts[1], parts[2]
        from audit_chained,
          regexp_match(body, '^(.*)"seq":[0-9]+(,"(?:service|subject)":.*)$') as parts
        where seq > to_seq;
      get diagnostics moved = row_count;
      delete from audit_chained where seq > to_seq;
      perform set_config('quarterdeck.audit_unchain', '', true);
      update audit_head set seq = to_seq,
        hash = coalesce((select hash from audit_chained where seq = to_seq), decode(repeat('00', 32), 'hex'))
        where id = 1;
      return moved;
    end $f$;

    -- Chains entries that the archive has and the database has not, byte by byte. Each must say the next seq.
    create function audit_adopt(bodies text[]) returns bigint language plpgsql security definer
      set search_path = public, pg_temp as $f$
    declare
      head audit_head;
      written text;
      said jsonb;
    begin
      select * into strict head from audit_head where id = 1 for update;
      foreach written in array bodies loop
        said := written::jsonb;
        head.seq := head.seq + 1;
        if (said ->> 'seq')::bigint <> head.seq then
          raise exception 'entry % of the archive does not follow', said ->> 'seq';
        end if;
        head.hash := sha256(head.hash || convert_to(written, 'UTF8'));
        -- It may have been added when the copy was made, and not been chained yet.
        delete from audit_pending where id = (select min(id) from audit_pending
          where body_start || '"seq":' || head.seq || body_end = written);
        insert into audit_chained values (head.seq, (said ->> 'at')::timestamptz, said #>> '{actor,team}',
          said #>> '{actor,person}', said ->> 'action', said ->> 'subject', said ->> 'service', written, head.hash);
      end loop;
      update audit_head set seq = head.seq, hash = head.hash where id = 1;
      return head.seq;
    end $f$;

    revoke execute on function audit_chain(integer), audit_begin_part(bigint), audit_drop_part(interval),
      audit_unchain(bigint, bigint), audit_adopt(text[]) from public;
  `.execute(db);
};

/** A part leaves once its last seal is old too: verifying goes by what seals say, which nobody can set without the key. */
const partsLeaveByTheirSeals = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    -- Takes the oldest part away: closed, ended by a seal, all of it in the archive, its newest entry older than keep
    -- and than 30 days, and its last entry sealed as long ago. Answers its row, or nothing.
    create or replace function audit_drop_part(keep interval) returns setof audit_parts language plpgsql security definer
      set search_path = public, pg_temp as $f$
    declare
      part audit_parts;
      newest timestamptz;
      sealed timestamptz;
      until timestamptz := clock_timestamp() - greatest(keep, interval '30 days');
    begin
      perform from audit_head where id = 1 for update;
      select * into part from audit_parts where gone_at is null order by number limit 1;
      if part.last_seq is null then return; end if;
      -- Not those that only say that nothing was added since.
      select max(at) into sealed from audit_seals where seq = part.last_seq and count > 0;
      if sealed is null or sealed > until then return; end if;
      if exists (select from audit_seals
        where seq >= part.first_seq and seq - count < part.last_seq and archived_at is null) then return; end if;
      select max(at) into newest from audit_chained where seq between part.first_seq and part.last_seq;
      if newest > until then return; end if;
      execute format('drop table audit_part_%s', part.number);
      update audit_parts set gone_at = clock_timestamp() where number = part.number;
      return next part;
    end $f$;
  `.execute(db);
};

/** What the archive has can be unchained by nobody, so nobody takes back that it has it. */
const archivedStays = async (db: Kysely<unknown>): Promise<void> => {
  await sql`create trigger audit_archived_stays before update on audit_seals for each row
    when (old.archived_at is not null and new.archived_at is null)
    execute function audit_is_append_only()`.execute(db);
};

export const auditMigrations: Record<string, Migration> = {
  "2026-11-25T1720-audit-sealed": { up: sealedAudit },
  "2026-11-25T1905-audit-parts-by-seals": { up: partsLeaveByTheirSeals },
  "2026-11-25T1910-audit-archived-stays": { up: archivedStays },
};

/** What the app role calls; each does one thing to the audit, in the only way that is allowed. */
const functions = [
  "audit_chain(integer)",
  "audit_begin_part(bigint)",
  "audit_drop_part(interval)",
  "audit_unchain(bigint, bigint)",
  "audit_adopt(text[])",
];

/** Takes back from the app role what it must not do to the audit's tables, and lets it call their functions. */
export async function grantAuditRights(db: Kysely<unknown>, appRole: string): Promise<void> {
  const role = sql.id(appRole);
  const parts = await sql<{ name: string }>`select inhrelid::regclass::text as name from pg_inherits
    where inhparent = 'audit_chained'::regclass`.execute(db);
  for (const table of [...parts.rows.map(({ name }) => name), "audit_chained", "audit_parts"])
    await sql`revoke insert, update, delete, truncate on ${sql.table(table)} from ${role}`.execute(db);
  // `insert` on the view: the release before this one appends there.
  for (const table of ["audit", "audit_pending", "audit_seals"])
    await sql`revoke update, delete, truncate on ${sql.table(table)} from ${role}`.execute(db);
  await sql`revoke insert, delete, truncate on audit_head, audit_log from ${role}`.execute(db);
  await sql`grant update (archived_at) on audit_seals to ${role}`.execute(db);
  for (const name of functions) await sql`grant execute on function ${sql.raw(name)} to ${role}`.execute(db);
}
