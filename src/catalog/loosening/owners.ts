/** Who approves a change of the catalog that gives rights. Pure. */
import type { Catalog, Organisation } from "../schema.ts";

export const ownersTeamOf = ({ owners, defaultOwner }: Organisation): string => owners ?? defaultOwner;

/** Person ids of those who approve a change of the catalog that gives rights. */
export function ownersOf(catalog: Catalog): readonly string[] {
  const team = catalog.teams.find(({ name }) => name === ownersTeamOf(catalog.organisation));
  return [...new Set(team?.leads ?? [])];
}

/**
 * Who may approve, by the catalog in force, and how many must. Somebody who proposed it is told apart by name and
 * needs one other; where it came from files nobody knows who wrote them (`proposer` undefined), so that two must. An
 * installation with one owner has no second person: there it is that one.
 */
export function approversNeeded(
  inForce: Catalog,
  proposer: { team: string; person: string } | undefined,
): { owners: readonly string[]; needed: number } {
  const owners = ownersOf(inForce);
  const proposerId =
    proposer && inForce.people.find(({ slack }) => slack[proposer.team] === proposer.person)?.id;
  const others = owners.filter((id) => id !== proposerId);
  if (others.length === 0) return { owners, needed: 1 };
  return { owners: others, needed: Math.min(proposer === undefined ? 2 : 1, others.length) };
}
