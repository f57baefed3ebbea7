/** Reasons of requests: what must not be in them, and the tickets they name. */
export { holdsSecret } from "../../platform/secret-words.ts";

/** What a person is told; it does not repeat what they wrote. */
export const secretRefusal =
  "it looks as if it held a secret, so it was neither kept nor posted; write what you need it for, and change that secret if it was one";

/** `INC-42`, `SHOP-1234`, `T-7`. */
const ticketPattern = /\b([A-Z][A-Z0-9]{0,14})-[0-9]{1,9}\b/g;

/** Tickets a reason names: ours, `T-7`, and those of other systems. Other ids of ours are no tickets. */
export function ticketsIn(reason: string): { own: readonly string[]; elsewhere: readonly string[] } {
  const named = [...reason.matchAll(ticketPattern)].map(([id, letter = ""]) => ({ id, letter }));
  return {
    own: named.filter(({ letter }) => letter === "T").map(({ id }) => id),
    elsewhere: named.filter(({ letter }) => letter.length > 1).map(({ id }) => id),
  };
}
