/** People as other systems name them. Pure. */
import { slackIdOf } from "../../catalog/lookup.ts";
import type { Catalog } from "../../catalog/schema.ts";
import type { Actor } from "../../platform/people.ts";

/** Team of an actor who is nobody of Slack. */
const outsideTeam = "-";

/**
 * Who did something elsewhere: the person with that e-mail address; else the system itself, with the name it gave beside,
 * for cards alone: the audit keeps no names. `Jane Doe (PagerDuty)` is never a Slack id.
 *
 * @param system how the audit names it
 * @param title how people call it
 */
export function whoDid(
  catalog: Catalog,
  slackTeam: string,
  { system, title, by }: { system: string; title: string; by: string | null },
): { actor: Actor; shownAs: string } {
  const address = by?.match(/[^\s<>]+@[^\s<>]+/)?.[0].toLowerCase();
  const known =
    address === undefined ? undefined : catalog.people.find(({ email }) => email?.toLowerCase() === address);
  const user = known && slackIdOf(known, slackTeam);
  return user === undefined
    ? {
        actor: { team: outsideTeam, person: system, door: "hook" },
        shownAs: `${by ?? "somebody"} (${title})`,
      }
    : { actor: { team: slackTeam, person: user, door: "hook" }, shownAs: user };
}
