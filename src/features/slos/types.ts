/** How one SLO of a service stands. `unknown` is a state of its own and never reads as healthy. */
export interface SloReading {
  slo: string;
  objectivePercent: number;
  /** The SLO's rolling window in milliseconds. */
  windowMs: number;
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

export interface Slos {
  /** Never rejects because of a metrics system: what it cannot say is `unknown`. */
  budgetOf(service: string, at: Date): Promise<Budget>;
}
