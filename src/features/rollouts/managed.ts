import * as lookup from "../../catalog/lookup.ts";
import { formatDuration } from "../../platform/commands/time.ts";
import type { Platform } from "../../platform/platform.ts";
import { ProviderError } from "../../providers/errors.ts";
import { expectation } from "../gitops/index.ts";
import type { RolloutPlan } from "./plan.ts";
import { type Aim, trafficDeadlineMs } from "./target.ts";

/** Who would put the version back after a revert. What cannot be read now is not worth a refusal. */
export async function readManaged(
  { platform }: { platform: Pick<Platform, "catalogs" | "log"> },
  { engine, target }: Aim,
): Promise<RolloutPlan["managed"]> {
  try {
    const { managedBy: by } = await engine.describe(target, { deadlineMs: trafficDeadlineMs });
    if (!by) return undefined;
    const { gitops, suspendFor } = lookup.gitopsPolicyOf(platform.catalogs.current());
    return { by, means: expectation(target.service, by, gitops, formatDuration(suspendFor)) };
  } catch (error) {
    if (!(error instanceof ProviderError)) throw error;
    platform.log.warn({ err: error, service: target.service }, "who manages it could not be read");
    return undefined;
  }
}
