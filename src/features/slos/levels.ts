/** Tells a service's channel when its error budget asks for something else than before. */
import { channelFor, errorBudgetOf, slackIdOf } from "../../catalog/lookup.ts";
import type { ErrorBudgetPolicy } from "../../catalog/schema.ts";
import { escapeText, link } from "../../platform/messages/blocks.ts";
import { systemActor } from "../../platform/people.ts";
import { asks, type BudgetPolicy, levelMarks, nextLevel, policyOf } from "./policy.ts";
import type { SlosRoom } from "./shown.ts";
import { keepLevel, keptLevels, lockedLevel } from "./store.ts";

export async function watchLevels({ platform, slos }: SlosRoom): Promise<undefined> {
  const { catalogs, clock, database } = platform;
  if (catalogs.digest() === "none") return undefined;
  const catalog = catalogs.current();
  const services = [...new Set(catalog.slos.map(({ service }) => service))].sort();
  const [budgets, kept] = await Promise.all([slos.budgetsOf(services, clock.now()), keptLevels(database.db)]);
  for (const budget of budgets) {
    const policy = errorBudgetOf(catalog, budget.service);
    const now = policyOf(policy, budget, []);
    if (nextLevel(kept.get(budget.service), now, policy) === undefined) continue;
    await moveLevel(platform, policy, now);
  }
  return undefined;
}

/** Decided anew under the row's lock: another worker may have told it already. */
async function moveLevel(
  { database, catalogs, slackTeam, publicUrl }: SlosRoom["platform"],
  policy: ErrorBudgetPolicy,
  now: BudgetPolicy,
): Promise<void> {
  const { service } = now;
  await database.tx(async (tx) => {
    const before = await lockedLevel(tx.trx, service);
    const next = nextLevel(before, now, policy);
    if (next === undefined || !(await keepLevel(tx.trx, service, next, before === undefined))) return;
    const was = before?.level ?? "ship";
    if (next.level === was) return;
    tx.audit({
      actor: systemActor,
      action: "slo.level",
      subject: service,
      service,
      before: was,
      after: next.level,
      detail: { slo: now.slo, left: now.left ?? undefined },
    });
    const catalog = catalogs.current();
    const channel = slackIdOf(channelFor(catalog, service), slackTeam());
    if (channel === undefined) return;
    const url = link(`${publicUrl}/slo/${encodeURIComponent(service)}`, "What spent it");
    tx.say({
      key: `slo-level:${service}:${next.since.getTime()}`,
      channel,
      text: `${levelMarks[next.level]} ${escapeText(service)}: ${escapeText(now.words, 300)}. Before: ${asks(was, policy)}. ${url}`,
    });
  });
}
