import type { App } from "../../app.ts";
import type { PagerInstance } from "../../catalog/schema.ts";
import { keyOfPage } from "../../providers/pagers/contract.ts";
import { createPagers } from "../../providers/pagers/instances.ts";
import { reasonOf } from "../world.ts";
import { type Finding, failed, notProven, ok } from "./finding.ts";

/** Milliseconds one answer may take. */
const deadlineMs = 5_000;

/** Asks for a page that nobody made; what cannot be asked would ring somebody. */
export async function checkPager(
  app: Pick<App, "env" | "clock">,
  instance: PagerInstance,
): Promise<Finding[]> {
  const system = `Pager ${instance.name}`;
  const unheard =
    instance.hookSource === undefined ? "; what people do there is not heard without hookSource" : "";
  const tryIt = "Nothing more can be asked without ringing somebody: /ops page a team that uses it.";
  try {
    const pager = createPagers(app, deadlineMs).of(instance);
    if (!pager.canRead) return [notProven(system, `its secret is set${unheard}`, tryIt)];
    await pager.read(keyOfPage("doctor"));
    // PagerDuty is asked with another key than the one pages go out with.
    return instance.kind === "pagerduty"
      ? [notProven(system, `its REST API answers${unheard}`, tryIt)]
      : [ok(system, "answers, and takes its key")];
  } catch (error) {
    const { hint } = error as { hint?: string };
    return [failed(system, reasonOf(error), hint ?? `Check providers.pagers, ${instance.name}.`)];
  }
}
