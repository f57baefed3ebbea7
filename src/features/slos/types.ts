/** How one SLO of a service stands. `unknown` is a state of its own and never reads as healthy. */
export interface SloReading {
  slo: string;
  objectivePercent: number;
  /** Whether its users are people outside; only such an SLO pages. */
  isUserFacing: boolean;
  state: "healthy" | "burning" | "exhausted" | "no-data" | "unknown";
  /** Why it is unknown or has no data. */
  why?: string | undefined;
  /** Share of the window's budget left; negative when overspent; undefined when not known. */
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
  /** `hurting`: a user-facing SLO fires a page row. `unknown`: no user-facing SLO could be read, or there is none. */
  users: "well" | "hurting" | "unknown";
  readings: readonly SloReading[];
  /** The reading that decided `users`, for cards and `why`. */
  worst?: SloReading | undefined;
}

export interface Slos {
  budgetOf(service: string, at: Date): Promise<Budget>;
}
