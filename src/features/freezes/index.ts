/**
 * Freezes: for a while no rollout of a service, a team's services or all starts, by a lead or by the calendar.
 * `/ops freeze …`. Owns: freezes, and what leads let through them. Pages about: nothing.
 */
import type { Db, Trx } from "../../platform/db/database.ts";
import type { Feature } from "../../platform/feature.ts";
import type { Actor } from "../../platform/people.ts";
import type { Platform } from "../../platform/platform.ts";
import { allow, type Decision, refuse } from "../../platform/refusal.ts";
import { goesOn, standLines } from "./cards.ts";
import { freezeCommands } from "./commands.ts";
import { freezesMigrations } from "./migrations.ts";
import type { Place } from "./model.ts";
import { jobs, standAt, standingNow } from "./room.ts";
import { endInTime } from "./service.ts";
import { freezeSummaries } from "./summaries.ts";
import { sweepFreezes } from "./sweep.ts";
import { byText, momentFor, nameOf, scopeText } from "./words.ts";

export { freezesMigrations } from "./migrations.ts";

/** A freeze as other rooms show it. Plain text: escaped where it leaves. */
export interface StandingFreeze {
  /** `F-3`, or the calendar's name for it in its first half minute. */
  id: string;
  /** `all services`, `team storefront`, `shop in production`. */
  scope: string;
  until: Date;
  reason: string;
  /** `@lena`, `the calendar (weekend)`. */
  by: string;
}

/** All freezes that stand, the one that lasts longest first. With `overriddenBy` the place may be rolled out. */
export type Standing =
  | { frozen: false }
  | {
      frozen: true;
      freezes: readonly StandingFreeze[];
      overriddenBy?: { by: string; until: Date; reason: string } | undefined;
    };

export interface Freezes {
  /** Whether a freeze stands at a place. Rollouts in flight, reverts and rollbacks never ask. */
  stands(db: Db | Trx, place: Place & { at: Date }): Promise<Standing>;
  /** The same as a decision on something new by this person: refused with who could let it through, and how. */
  passes(db: Db | Trx, place: Place & { at: Date }, actor: Actor): Promise<Decision<Standing>>;
  /** Mrkdwn lines for another room's card; none where nothing stands. */
  lines(db: Db | Trx, place: Place & { at: Date }): Promise<readonly string[]>;
}

export function createFreezes(platform: Platform): { feature: Feature; api: Freezes } {
  const room = platform;
  const { database, catalogs, authz, clock } = platform;

  const stands: Freezes["stands"] = async (db, { at, ...place }) => {
    const stand = await standAt(room, db, place, at);
    if (!stand.frozen) return stand;
    const catalog = catalogs.current();
    const { freezes, overriddenBy } = stand;
    return {
      frozen: true,
      freezes: freezes.map((freeze) => ({
        id: freeze.id,
        scope: scopeText(freeze),
        until: freeze.until,
        reason: freeze.reason,
        by: byText(catalog, freeze),
      })),
      ...(overriddenBy && {
        overriddenBy: {
          by: nameOf(catalog, overriddenBy.by),
          until: overriddenBy.until,
          reason: overriddenBy.reason,
        },
      }),
    };
  };

  const api: Freezes = {
    stands,
    async passes(db, place, actor) {
      const standing = await stands(db, place);
      if (!standing.frozen || standing.overriddenBy) return allow(standing);
      const { service, environment } = place;
      const catalog = catalogs.current();
      const said = standing.freezes.map(
        ({ id, until, reason, by }) => `${id} until ${momentFor(catalog, actor, until)}: ${reason} (${by})`,
      );
      return refuse({
        rule: "freeze",
        message: `${service} is frozen in ${environment}: ${said.join("; ")}.`,
        hint: `A lead lets it through: freeze override ${service}@${environment} 1h <reason>. ${goesOn}`,
        whoCould: authz.whoCould("lead", { service }, actor.team),
      });
    },
    async lines(db, { at, ...place }) {
      return standLines(await standAt(room, db, place, at), catalogs.current());
    },
  };

  const feature: Feature = {
    name: "freezes",
    about: "For a while no rollout starts: by a lead, or by the calendar.",
    commands: freezeCommands(room),
    jobs: [
      {
        name: jobs.end,
        about: "Ends a freeze when its time is over.",
        lane: "normal",
        run: (id) => endInTime(room, id),
      },
      {
        name: jobs.sweep,
        about: "Tells the calendar's freezes as they begin, and ends what is over.",
        lane: "bulk",
        run: () => sweepFreezes(room).then(() => undefined),
      },
    ],
    schedules: [{ job: jobs.sweep, everySec: 30 }],
    summaries: freezeSummaries(room),
    metrics: [
      {
        name: "quarterdeck_freezes_standing",
        help: "Freezes that stand now, by who made them.",
        type: "gauge",
        async read() {
          if (catalogs.digest() === "none") return [];
          const freezes = await standingNow(room, database.db, clock.now());
          return (["person", "calendar"] as const).map((by) => ({
            labels: { by },
            value: freezes.filter((freeze) => freeze.by.is === by).length,
          }));
        },
      },
    ],
    migrations: freezesMigrations,
    retention: [
      { table: "freezes", column: "ended_at", keepDays: 400 },
      { table: "freeze_overrides", column: "until_at", keepDays: 400 },
    ],
  };
  return { feature, api };
}
