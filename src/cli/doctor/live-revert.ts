import { randomBytes } from "node:crypto";
import { environmentsOf } from "../../catalog/lookup.ts";
import { aimOf, holderOf, trafficDeadlineMs } from "../../features/rollouts/index.ts";
import { createTrafficEngines } from "../../providers/traffic/instances.ts";
import { shellActor } from "../world.ts";
import { type Finding, failed, notProven, notSet, ok } from "./finding.ts";
import { byWhom, type LiveParts } from "./live-parts.ts";

const system = "Live revert";

/**
 * Back to the version that runs: what is there is recorded, put back exactly, read back and compared. The engine is
 * told, and nothing changes. Never while somebody moves the service's traffic.
 */
export async function proveRevert(parts: LiveParts): Promise<Finding> {
  const { app, catalog, options } = parts;
  const declared = catalog.services.filter(({ traffic }) => traffic).map(({ name }) => name);
  const service = options.service ?? declared[0];
  if (service === undefined) return notSet(system, "the catalog declares no service's traffic");
  const environment = environmentsOf(catalog, service)[0] ?? catalog.organisation.defaultEnvironment;
  const aim = aimOf(app, createTrafficEngines(app), service, environment);
  if (!aim.ok) return failed(system, aim.refusal.message, aim.refusal.hint);
  const holder = await holderOf(app.database.db, { service, environment });
  if (holder)
    return notProven(
      system,
      `${holder.what} ${holder.holder} moves ${service} now`,
      "Try again once it is over, or name another: --service",
    );

  const { engine, target } = aim.value;
  const call = { deadlineMs: trafficDeadlineMs };
  const recorded = await engine.snapshot(target, call);
  const weights = recorded.versions
    .filter(({ weightPercent }) => weightPercent > 0)
    .map(({ version, weightPercent }) => `${version} ${weightPercent} %`)
    .join(", ");
  const key = `doctor:${randomBytes(6).toString("hex")}`;
  const audit = (action: string, detail: Record<string, unknown>) =>
    app.database.tx(async (tx) =>
      tx.audit({
        actor: shellActor(),
        action,
        subject: "doctor",
        service,
        reason: `test ${byWhom(parts)}`,
        correlation: key,
        detail: { isTest: true, weights, ...detail },
      }),
    );
  await audit("doctor.revert-begun", {});
  const state = await engine.revert(target, recorded, key, call);
  const { equal, differences } = await engine.parity(target, recorded, call);
  await audit("doctor.revert-done", { parity: equal, revision: state.revision });
  if (!equal)
    return failed(
      system,
      `${service} is not as it was: ${differences.map(({ field, recorded: was, actual }) => `${field} ${was} → ${actual}`).join(", ")}`,
      `Put it back by hand: ${engine.manualRevert(target, recorded).join(" && ")}`,
    );
  return ok(system, `${service} ${weights} set to what it is, read back, parity ok: nothing changed`);
}
