/** What a version changes of the data it lives on. */
import { z } from "zod";
import { wordsField } from "./fields.ts";

/** A data migration that comes with a version. Whether its reversal is known decides whether it may be rolled out. */
export const migrationSchema = z.strictObject({
  /** As its files call it: `0117`, `2026_03_drop_note`. */
  id: z.string().trim().min(1, "is empty").max(100, "is longer than 100 characters"),
  /** What it does, in a sentence: `drops orders.note`. */
  note: wordsField.optional(),
  /** How what it did is undone, or why the version before runs on what it leaves: `v41 ignores the new column`. */
  reversal: wordsField.optional(),
});
export type DataMigration = z.output<typeof migrationSchema>;
