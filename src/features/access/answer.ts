/** What whoever asks reads at once: who decides, and how long that usually takes. */
import { person as personOf } from "../../catalog/lookup.ts";
import { formatDuration } from "../../platform/commands/time.ts";
import type { Reply } from "../../platform/feature.ts";
import { escapeText, link } from "../../platform/messages/blocks.ts";
import { pageUrl } from "./cards.ts";
import type { Grant } from "./model.ts";
import type { Prepared } from "./prepare.ts";
import type { Room } from "./room.ts";
import { decisionTimes } from "./store.ts";
import { basisText, spanText } from "./words.ts";

const historyMs = 90 * 86_400_000;
const namesMax = 5;

/** `orders-db readonly for 15m for Dev Dara` */
export const whatOf = ({ rule, askedMs, person, typist }: Prepared): string =>
  `${rule.resource.name} ${rule.role.name} for ${formatDuration(askedMs)}${person.id === typist.id ? "" : ` for ${person.name}`}`;

/** Who approves, and how long it takes as a rule; or why nobody needs to. Plain text. */
export async function tailOf(room: Room, prepared: Prepared): Promise<string> {
  const { basis, rule, whyNotAtOnce } = prepared;
  if (basis.is !== "approval") return `No approval is needed: ${basisText(basis)}.`;
  const whyNot = whyNotAtOnce === undefined ? "" : ` Not approved at once: ${whyNotAtOnce}.`;
  const stepUp = rule.terms.stepUp ? " They approve at the console, freshly signed in." : "";
  return `${await whoApproves(room, prepared)}${stepUp}${whyNot}`;
}

export function askedReply({ platform }: Room, grant: Grant, prepared: Prepared, tail: string): Reply {
  const { id, state } = grant;
  const isOwn = prepared.person.id === prepared.typist.id;
  const whom = isOwn ? "you" : escapeText(prepared.person.name);
  const asked = `${id}: asked for ${escapeText(whatOf(prepared))}; the time counts from the claim.`;
  if (state.is !== "approved")
    return { text: `${asked} ${escapeText(tail)} I tell ${whom} directly once it is decided.` };
  const claim = isOwn ? ` ${link(pageUrl(platform.publicUrl, id), `Claim ${id}`)}.` : "";
  return { text: `${asked} ${escapeText(tail)} It is approved.${claim}` };
}

async function whoApproves({ platform }: Room, { rule, approvers }: Prepared): Promise<string> {
  const catalog = platform.catalogs.current();
  const names = approvers.map((id) => personOf(catalog, id)?.name ?? id).slice(0, namesMax);
  const history = await decisionTimes(
    platform.database.db,
    rule.resource.name,
    rule.role.name,
    new Date(platform.clock.now().getTime() - historyMs),
  );
  const usual =
    history.count === 0
      ? "How long that takes: no history yet."
      : `That usually takes ${spanText(history.medianMs)} (median of ${history.count} in 90 days).`;
  const { quorum } = rule.terms;
  return `${names.join(", ")} ${quorum > 1 ? `— ${quorum} of them must approve` : "can approve"}. ${usual}`;
}
