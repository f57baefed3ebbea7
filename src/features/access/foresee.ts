/** What a grant would do at its system, asked of the system: for a dry run. Nothing is done there. */
import type { AccessorInstance } from "../../catalog/schema.ts";
import { externalNameOf, type GrantIntent, type Plan } from "../../providers/accessors/contract.ts";
import type { Accessors } from "../../providers/accessors/instances.ts";
import { ProviderError } from "../../providers/errors.ts";
import type { Prepared } from "./prepare.ts";
import type { Room } from "./room.ts";

/** Stands for the grant that is not. */
const nobodysName = externalNameOf("dry-run");

/** Lines of plain text. */
export function foresee(
  { accessors, platform }: Pick<Room, "accessors" | "platform">,
  { rule, person, requester, askedMs }: Pick<Prepared, "rule" | "person" | "requester" | "askedMs">,
): Promise<string[]> {
  const { access, accessor } = rule.terms;
  return foreseeAt(accessors, accessor, {
    externalName: nobodysName,
    grantee: {
      personId: person.id,
      slack: { team: requester.team, user: requester.person },
      accounts: { ...person.accounts },
    },
    terms: access,
    expiresAt: new Date(platform.clock.now().getTime() + askedMs),
  });
}

/** A system that cannot be asked now is said to be so: a request does not depend on it. */
export async function foreseeAt(
  accessors: Accessors,
  instance: AccessorInstance,
  intent: GrantIntent,
): Promise<string[]> {
  try {
    return planLines(instance.name, await accessors.of(instance, [intent.terms]).plan(intent));
  } catch (error) {
    if (!(error instanceof ProviderError)) throw error;
    return [`What would be done at ${instance.name} cannot be said now: ${error.message}. ${error.hint}.`];
  }
}

const planLines = (system: string, { words, obstacles }: Plan): string[] => [
  `At ${system} it would:`,
  ...words.map((line) => `• ${line}`),
  obstacles.length === 0 ? "Nothing is in the way there." : `In the way there: ${obstacles.join("; ")}.`,
];
