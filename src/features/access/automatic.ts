/** Whether a request is approved by what stands: on call, and something pages. Pure. */
import { formatDuration } from "../../platform/commands/time.ts";
import type { Basis } from "./model.ts";
import type { Terms } from "./terms.ts";

/** Who has the duty for the resource's service. */
export interface Duty {
  team: string;
  personId: string;
  /** When they took it over from the schedule; undefined when the schedule says so. */
  takenOverAt?: Date | undefined;
}

export interface Circumstances {
  personId: string;
  /** Nobody else asked for them. */
  isOwnRequest: boolean;
  /** It is to begin later. */
  isForLater: boolean;
  askedMs: number;
  /** Of the grants it continues. */
  totalBeforeMs: number;
  /** Null: nobody has the duty. Undefined: it could not be read. */
  duty: Duty | null | undefined;
  /** Tickets that page on the service, the worst first. Undefined: they could not be read. */
  paging: readonly string[] | undefined;
}

export type Judged =
  | { is: "given"; basis: Extract<Basis, { is: "automatic" }> }
  /** `why`: of a rule that knows automatic approval, what is missing for it. */
  | { is: "manual"; why?: string | undefined };

/** Fails closed: what is not known makes it a request like any other. */
export function judgeAutomatic(
  { automatic }: Pick<Terms, "automatic">,
  { personId, isOwnRequest, isForLater, askedMs, totalBeforeMs, duty, paging }: Circumstances,
  now: Date,
): Judged {
  if (automatic === undefined) return { is: "manual" };
  const manual = (why: string): Judged => ({ is: "manual", why });
  if (duty === undefined) return manual("who is on call cannot be read now");
  if (paging === undefined) return manual("what pages cannot be read now");
  if (duty?.personId !== personId) return manual("only who is on call gets it at once");
  if (!isOwnRequest) return manual("somebody else asked");
  const [ticket] = paging;
  if (ticket === undefined) return manual("nothing pages on its service");
  const { takenOverAt } = duty;
  if (takenOverAt && now.getTime() - takenOverAt.getTime() < automatic.swapSettleMs)
    return manual(`the shift was taken over less than ${formatDuration(automatic.swapSettleMs)} ago`);
  if (isForLater) return manual("it is to begin later");
  if (totalBeforeMs + askedMs > automatic.durationMaxMs)
    return manual(`at once is for ${formatDuration(automatic.durationMaxMs)} at most, extensions included`);
  return { is: "given", basis: { is: "automatic", team: duty.team, ticket } };
}
