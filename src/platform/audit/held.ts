/** Whether only ends and reverts may run: the database was restored to an older state and nobody looked yet. */
import type { Db } from "../db/database.ts";
import { type Refused, refuse } from "../refusal.ts";

const rememberMs = 1_000;

export interface Held {
  /** Why, or undefined while all runs. Read at most once a second. */
  why(): Promise<string | undefined>;
}

export function createHeld(db: Db, nowMs: () => number): Held {
  let known: { atMs: number; why: Promise<string | undefined> } | undefined;
  const read = async () => {
    const row = await db.selectFrom("audit_log").select(["held_at", "held_why"]).executeTakeFirst();
    return row?.held_at ? (row.held_why ?? "the audit is held") : undefined;
  };
  return {
    why: () => {
      const atMs = nowMs();
      if (!known || Math.abs(atMs - known.atMs) >= rememberMs) {
        known = { atMs, why: read() };
        known.why.catch(() => {
          known = undefined;
        });
      }
      return known.why;
    },
  };
}

export const refuseHeld = (why: string): Refused =>
  refuse({
    rule: "held-after-restore",
    message: `Only ends and reverts run now: ${why}.`,
    hint: "Nothing is lost. Whoever looks after Quarterdeck runs `quarterdeck resume --after-restore`: it lists what differs and lets everything go on.",
  });
