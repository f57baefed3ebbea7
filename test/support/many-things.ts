/** Years of history, made in the database: what is going on stays as it is, what is over grows. */
import pg from "pg";

export interface History {
  auditEntries: number;
  /** Closed ones; each with its card. */
  tickets: number;
  /** Of rollouts, grants and pages that are over, each. */
  others: number;
}

/** Open tickets, the same however much is over. */
export const openTickets = 100;

/**
 * Brings the history to this size. Rollout R-1 and grant G-1 must be there: those that are over are copies of them. `ownerUrl`: the role that owns the tables.
 */
export async function growHistory(
  ownerUrl: string,
  { auditEntries, tickets, others }: History,
): Promise<void> {
  const owner = new pg.Client({ connectionString: ownerUrl });
  await owner.connect();
  try {
    await owner.query(
      `insert into tickets (id, group_id, service, environment, team, name, state, severity, summary, channel, since, opened_at,
         changed_at, firing_count, hidden_count, resolved_count, stale_count, received_count, taken_by, decision, closed_at,
         closed_because, provider, parts)
       select 'T-' || n, n, case n % 2 when 0 then 'shop' else 'payments' end, 'production', 'storefront',
         'HighErrorRate' || n % 40, case when n <= $2 then 'open' else 'closed' end, 'warning', 'Checkout fails',
         'C0SHOPALERTS', at, at, at, 1, 0, 0, 0, 1, case n % 20 when 0 then 'U0LEAD' end,
         '{"page":false,"rule":"sender","words":"No page: the sender says warning.","at":"2026-01-01T00:00:00.000Z","numbers":{}}',
         case when n > $2 then at + interval '10 minutes' end, case when n > $2 then 'resolved' end, 'builtin',
         jsonb_build_array(jsonb_build_object('service', case n % 2 when 0 then 'shop' else 'payments' end))
       from (select n, now() - n * interval '5 minutes' as at from generate_series(1, $1::int) n) made
       on conflict do nothing`,
      [tickets, openTickets],
    );
    await owner.query(
      `insert into messages (key, kind, channel, wanted, wanted_version, shown_version, urgent, created_at, updated_at)
       select 'ticket:T-' || n, 'post', 'C0SHOPALERTS',
         jsonb_build_object('text', 'T-' || n, 'blocks', jsonb_build_array(jsonb_build_object('type', 'section',
           'text', jsonb_build_object('type', 'mrkdwn', 'text', 'ticket T-' || n)))), 1, 1, false, at, at
       from (select n, now() - n * interval '5 minutes' as at from generate_series(1, $1::int) n) made
       on conflict do nothing`,
      [tickets],
    );
    await owner.query(
      `insert into rollouts select (jsonb_populate_record(r, jsonb_build_object('id', 'R-' || n, 'number', n,
         'state', 'promoted', 'step_index', null, 'since', null, 'until', now() - n * interval '4 hours',
         'started_at', now() - n * interval '4 hours', 'ended_at', now() - n * interval '4 hours'))).*
       from rollouts r, generate_series(100, 99 + $1::int) n where r.id = 'R-1' on conflict do nothing`,
      [others],
    );
    await owner.query(
      `insert into access_grants select (jsonb_populate_record(g, jsonb_build_object('id', 'G-' || n, 'state', 'lapsed',
         'detail', jsonb_build_object('at', now(), 'why', 'nobody decided'), 'due_at', null,
         'requested_at', now() - n * interval '4 hours', 'over_at', now() - n * interval '4 hours'))).*
       from access_grants g, generate_series(100, 99 + $1::int) n where g.id = 'G-1' on conflict do nothing`,
      [others],
    );
    await owner.query(
      `insert into pages (dedup_key, state, team, service, subject, headline, channel, verbs, opened_at, opened_by, resolved_at)
       select 'T-' || n, 'resolved', 'storefront', 'shop', 'T-' || n, 'PAGE shop', 'C0SHOPALERTS', '[]',
         now() - n * interval '1 hour', 'quarterdeck', now() - n * interval '1 hour'
       from generate_series((select count(*)::int from pages), $1::int) n`,
      [others],
    );
    await owner.query(
      `insert into page_wakes (page_id, person, slack_user, at, because)
       select id, 'lena', 'U0LEAD', opened_at, 'on-call' from pages where state = 'resolved' on conflict do nothing`,
    );
    const { rows } = await owner.query<{ seq: string }>("select seq from audit_head where id = 1");
    await owner.query(
      `insert into audit_chained (seq, at, team, person, action, subject, service, body, hash)
       select n, now() - ($1::bigint - n) * interval '10 seconds', 'T0LOCAL',
         (array['U0LEAD', 'U0DEV', 'U0ONCALL', 'quarterdeck'])[1 + n % 4],
         (array['ticket.opened', 'ticket.closed', 'access.requested', 'access.approved', 'rollout.started'])[1 + n % 5],
         'T-' || 1 + n % $2::int, case n % 2 when 0 then 'shop' else 'payments' end,
         '{"action":"ticket.opened","actor":{"door":"slack"},"detail":{"rule":"sender","x":"' || repeat('x', 200) || '"}}',
         decode(repeat('00', 32), 'hex')
       from generate_series($3::bigint + 1, $1::bigint) n`,
      [auditEntries, tickets, Number(rows[0]?.seq ?? 0)],
    );
    await owner.query("update audit_head set seq = greatest(seq, $1) where id = 1", [auditEntries]);
    await owner.query("vacuum analyze");
  } finally {
    await owner.end();
  }
}

/** Pages that people look at, each as a query or a thing of {@link growHistory}. */
export const pagePaths = [
  "/console",
  "/console/inbox",
  "/services/shop",
  "/rollouts",
  "/rollouts/R-1",
  "/tickets",
  "/tickets?service=shop",
  "/tickets/T-7",
  "/access",
  "/access/G-1",
  "/audit",
  "/audit?subject=T-7",
  "/audit?service=shop",
  "/audit?person=U0LEAD&since=7d",
  "/audit?action=access",
  "/audit?q=T-1000",
] as const;

/** Finds the more the longer the history is: by what it begins with. */
export const wideSearch = "/audit?q=T-12";
