/**
 * Tokens: what programs and terminals sign in with, made signed in, shown once, and ended with their person.
 * Owns nothing of its own: the rows are the platform's. Pages about: nothing.
 */

import { revokeApiTokensOf } from "../../platform/apitokens.ts";
import type { Feature } from "../../platform/feature.ts";
import { revokeOperatorTokensOf } from "../../platform/operatortokens.ts";
import { personLeft, systemActor } from "../../platform/people.ts";
import type { Platform } from "../../platform/platform.ts";
import { tokenPages } from "./page.ts";

const leftJob = "tokens.left";

export function createTokens(platform: Platform): Feature {
  return {
    name: "tokens",
    about: "What programs sign in with: made on the console, shown once, for hours at most.",
    routes: tokenPages(platform),
    jobs: [
      {
        name: leftJob,
        about:
          "Ends the sessions of somebody who left the workspace, and the tokens of their programs and terminals.",
        lane: "urgent",
        run: async (person) => {
          for (const team of platform.catalogs.current().organisation.slackTeams) {
            await platform.sessions.endAllOf({ team, person }, "left the workspace");
            await revokeApiTokensOf(platform.database, systemActor, { team, person });
            await revokeOperatorTokensOf(platform.database, systemActor, { team, person });
          }
          return undefined;
        },
      },
    ],
    events: [{ on: personLeft, job: leftJob }],
  };
}
