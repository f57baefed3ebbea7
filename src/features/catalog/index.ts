/**
 * Catalog: a change that gives rights waits for a second owner, shown in plain words. `/ops catalog …`.
 * Owns nothing of its own: the platform keeps what waits. Pages about: nothing.
 */
import { ownersOf } from "../../catalog/loosening/index.ts";
import { proposalEvent, readProposals } from "../../platform/catalog-proposals.ts";
import type { Feature } from "../../platform/feature.ts";
import type { Platform } from "../../platform/platform.ts";
import { proposalLine } from "./cards.ts";
import { catalogCommands } from "./commands.ts";
import { denyForm } from "./forms.ts";
import { tellProposal } from "./service.ts";

const tellJob = "catalog.tell";

export function createCatalogRoom(platform: Platform): Feature {
  return {
    name: "catalog",
    about: "A change of the catalog that gives rights waits for a second owner.",
    commands: catalogCommands(platform),
    modals: [denyForm],
    jobs: [
      {
        name: tellJob,
        about: "Shows the owners what a catalog that waits would give, and how it was decided.",
        lane: "urgent",
        run: (id) => tellProposal(platform, id).then(() => undefined),
      },
    ],
    events: [{ on: proposalEvent, job: tellJob }],
    summaries: {
      async mine(actor) {
        const catalog = platform.catalogs.current();
        const me = catalog.people.find(({ slack }) => slack[actor.team] === actor.person)?.id;
        if (me === undefined || !ownersOf(catalog).includes(me)) return [];
        const waiting = await readProposals(platform.database.db, "waiting");
        return waiting
          .filter(({ approvals }) => !approvals.some(({ personId }) => personId === me))
          .map((proposal) => ({ rank: 0, text: proposalLine(proposal, catalog) }));
      },
    },
    retention: [{ table: "catalog_proposals", column: "decided_at", keepDays: 400 }],
  };
}
