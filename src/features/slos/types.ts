import type { Exhaustion } from "./model.ts";
import type { BudgetPolicy } from "./policy.ts";

/** How one SLO of a service stands. `unknown` is a state of its own and never reads as healthy. */
export interface SloReading {
  slo: string;
  objectivePercent: number;
  /** The SLO's window in milliseconds; of a calendar window the period that runs, with its real length. */
  windowMs: number;
  /** `28d`, `the month in Europe/Berlin`. */
  windowText?: string | undefined;
  /** When a calendar window's budget is whole again. */
  renewsAt?: Date | undefined;
  /** Begin of what was measured: of the window, or of a younger service's samples. */
  since?: Date | undefined;
  /** Person or team that answers for it, as people call them. */
  owner?: string | undefined;
  /** Whether what is left of it decides about changes; true when left out. */
  decides?: boolean | undefined;
  /** Whether its users are people outside; only such an SLO pages. */
  isUserFacing: boolean;
  state: "healthy" | "burning" | "exhausted" | "no-data" | "unknown";
  /** What its rows ask for now. */
  severity: "page" | "ticket" | "none";
  /** Why it is unknown or has no data. */
  why?: string | undefined;
  /** Which part of the data is missing, if one is: shown, and no gate may pass on it. */
  partial?: string | undefined;
  /** 1 − objective. */
  budgetRatio: number;
  /** Share of the window's budget left; negative when overspent; null when not known. */
  remaining: number | null;
  /** Bad events the whole window may have; null when not known. */
  budgetEvents: number | null;
  /** `remaining`, undefined when not known. */
  budgetLeftRatio?: number | undefined;
  /** Highest burn rate of a firing row, or of the shortest row. */
  burn?: number | undefined;
  /** Row that fires, if one does. */
  firing?: { severity: "page" | "ticket"; longMs: number; shortMs: number; burn: number } | undefined;
  /** How long the rest lasts at the burn of the first row's long window; null when not known. */
  exhaustion?: Exhaustion | null | undefined;
  /** Burn rate of every window its rows name, the shortest first; null when it could not be read. */
  burns?: readonly { windowMs: number; burn: number | null }[] | undefined;
  /** Share of bad events over the short window of the first row. */
  errorRatio?: number | undefined;
}

/** All SLOs of a service read at one moment; nobody else computes a budget. */
export interface Budget {
  service: string;
  at: Date;
  /**
   * `hurting`: a user-facing SLO fires a page row. `unknown`: one could not be read, none has data, or there is none.
   * What cannot be read never reads as well.
   */
  users: "well" | "hurting" | "unknown";
  readings: readonly SloReading[];
  /** The reading that decided `users`, for cards and `why`. */
  worst?: SloReading | undefined;
}

/** What went out, as it is marked beside a budget: a version, a setting or a flag. */
export interface Change {
  readonly id: string;
  readonly service: string;
  readonly change: "deploy" | "config" | "flag";
  readonly version: string;
  readonly by: string;
  readonly outcome: string;
  readonly at: Date;
}

/** Who knows what went out; deploys do. */
export interface Changes {
  /** To any of these services since then, newest first. */
  recentChanges(services: readonly string[], since: Date): Promise<readonly Change[]>;
}

/** The budget left of one SLO over its window: 1 at its begin, at its end what is left now. */
export interface BudgetLine {
  readonly slo: string;
  readonly from: Date;
  readonly to: Date;
  /** Oldest first; null where nothing was measured. */
  readonly points: readonly { readonly at: Date; readonly left: number | null }[];
}

export interface Slos {
  /** Never rejects because of a metrics system: what it cannot say is `unknown`. */
  budgetOf(service: string, at: Date): Promise<Budget>;
  /** Of many services, few of them at a time, in their order. */
  budgetsOf(services: readonly string[], at: Date): Promise<readonly Budget[]>;
  /** What the budget left means for changes to the service; rollouts, gates and flags ask nobody else. Never rejects. */
  policyOf(service: string, at: Date): Promise<BudgetPolicy>;
  /** How the budget of each SLO came to what is left of it; an SLO that cannot be read is left out. */
  linesOf(service: string, at: Date): Promise<readonly BudgetLine[]>;
}
