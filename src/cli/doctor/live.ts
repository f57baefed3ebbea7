/** What only a running installation can prove: a page that is acknowledged, a revert, a grant that ends. */
import type { App } from "../../app.ts";
import type { Catalog } from "../../catalog/schema.ts";
import { createPaging } from "../../features/paging/index.ts";
import { operatorOf } from "../../platform/operatortokens.ts";
import { reasonOf } from "../world.ts";
import { type Finding, failed } from "./finding.ts";
import { proveGrant } from "./live-grant.ts";
import { provePage } from "./live-page.ts";
import { type LiveParts, secondsText, type Tester, testerOf } from "./live-parts.ts";
import { proveRevert } from "./live-revert.ts";

const steps = { "Live page": provePage, "Live revert": proveRevert, "Live grant": proveGrant };

/** One after the other, each told when it is done; one that breaks does not keep the next from being tried. */
export async function checkLive(
  parts: LiveParts,
  note: (findings: readonly Finding[]) => void,
): Promise<void> {
  for (const [system, prove] of Object.entries(steps)) {
    const beganMs = performance.now();
    const found = await prove(parts).catch((error: unknown) => {
      const { hint } = error as { hint?: string };
      return failed(system, reasonOf(error), hint || "Mend what failed above, then try again.");
    });
    note([{ ...found, saw: `${found.saw} (${secondsText(performance.now() - beganMs)})` }]);
  }
}

/** Who runs it: whose token the terminal has, or in the local workspace who is named or on call. */
export async function runnerOf(parts: {
  app: App;
  catalog: Catalog;
  as: string | undefined;
  token: string | undefined;
}): Promise<Tester | undefined> {
  const { app, catalog } = parts;
  const team = app.slackTeam();
  if (parts.token !== undefined) {
    const operator = await operatorOf(app.database.db, parts.token, app.clock.now());
    return operator && testerOf(catalog, team, operator.person);
  }
  if (parts.as !== undefined) return testerOf(catalog, team, parts.as);
  const onCall = await createPaging(app).api.onCall(catalog.organisation.defaultOwner, app.clock.now());
  return onCall.flatMap(({ id }) => testerOf(catalog, team, id) ?? [])[0];
}
