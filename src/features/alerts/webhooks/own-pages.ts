/** Pages of ours that come back from a paging provider, known by their dedup key. Pure. */
import { parseIdOf } from "../../../platform/ids.ts";

/** What our dedup keys that are no ticket's id begin with. */
const beginnings = /^(quarterdeck|access|rollout|rollback|typed|watchdog|doctor)[:/]/;

export function isOwnPage(key: unknown): boolean {
  return typeof key === "string" && (beginnings.test(key) || parseIdOf("ticket", key) === key);
}
