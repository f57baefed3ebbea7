/** A page in the plain words that a paging provider is given. Pure. */
import { personBySlack } from "../../catalog/lookup.ts";
import type { Catalog } from "../../catalog/schema.ts";
import { keyOfPage, type PageNotice } from "../../providers/pagers/contract.ts";
import { headlineFor80, plainLine } from "./headline.ts";
import type { Page } from "./model.ts";

interface Surroundings {
  catalogs: { current(): Catalog };
  slackTeam: () => string;
  publicUrl: string;
}

/** The notice, and the name of who has the page or ended it. */
export function noticeOf(page: Page, around: Surroundings): { notice: PageNotice; by: string } {
  const detail = plainLine(page.headline);
  return {
    notice: {
      key: keyOfPage(page.id),
      summary: headlineFor80(detail),
      detail,
      subject: page.subject,
      team: page.team,
      service: page.service,
      openedAt: page.openedAt,
      url: around.publicUrl === "" ? null : around.publicUrl,
    },
    by: plainName(page.resolvedBy ?? page.acknowledgedBy, around),
  };
}

function plainName(user: string | null, { catalogs, slackTeam }: Surroundings): string {
  if (user === null || user === "quarterdeck") return "Quarterdeck";
  return personBySlack(catalogs.current(), slackTeam(), user)?.name ?? user;
}
