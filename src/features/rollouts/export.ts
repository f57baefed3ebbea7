/** What the judge was given at its last look at a rollout, to be judged again anywhere. */
import type { Db, Trx } from "../../platform/db/database.ts";
import { judgeFileOf } from "./judge-file.ts";
import { judgeInputOf } from "./judge-plan.ts";
import { samplesOf } from "./samples.ts";
import { findRollout } from "./store.ts";

export async function exportRollout(db: Db | Trx, id: string): Promise<unknown> {
  const rollout = await findRollout(db, id);
  if (!rollout) return "unknown";
  const { plan, judged, verdict, service, environment, from, to } = rollout;
  if (!judged || !verdict) return "not-judged";
  const about = `${id}: ${service} ${environment} ${from} → ${to}`;
  return judgeFileOf(judgeInputOf(plan, judged, await samplesOf(db, id)), { about, recorded: verdict });
}
