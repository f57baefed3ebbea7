import { sql } from "kysely";
import type { Trx } from "./db/database.ts";
import { type Id, type IdKind, publicId } from "./ids.ts";

/** Next id of a kind, without gaps but for one after a restore: the number is given back if the transaction is. */
export async function nextPublicId<Kind extends IdKind>(trx: Trx, kind: Kind): Promise<Id<Kind>> {
  const row = await trx
    .insertInto("public_ids")
    .values({ kind, last: 1 })
    .onConflict((conflict) => conflict.column("kind").doUpdateSet({ last: sql`public_ids.last + 1` }))
    .returning("last")
    .executeTakeFirstOrThrow();
  return publicId(kind, row.last);
}
