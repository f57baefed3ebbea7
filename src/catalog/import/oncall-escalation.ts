/** An escalation chain of Grafana OnCall as who is woken first and the rungs after. Pure. */
import { formatDuration } from "../../platform/commands/time.ts";
import type { OnCallStep } from "./oncall-export.ts";

export interface ReadChain {
  /** Schedule that is woken first. */
  readonly schedule: string | undefined;
  /** Users woken first where no schedule is. */
  readonly first: readonly string[];
  readonly escalation: readonly { after: string; wake: "on-call" | "next" | "leads" }[];
  /** Users that later steps name: they become the team's leads. */
  readonly named: readonly string[];
  readonly notes: readonly { at: string; message: string }[];
}

/** Rungs need time between them; steps without a wait follow after this. */
const leastMs = 60_000;
const rungsMax = 20;

export function readChain(chain: string, steps: readonly OnCallStep[]): ReadChain {
  const notes: { at: string; message: string }[] = [];
  const escalation: { after: string; wake: "on-call" | "next" | "leads" }[] = [];
  const named: string[] = [];
  let schedule: string | undefined;
  let first: readonly string[] = [];
  let waitedMs = 0;
  const hasFirst = () => schedule !== undefined || first.length > 0;
  const rung = (wake: "on-call" | "next" | "leads", note: (message: string) => void) => {
    if (waitedMs === 0) note("follows at once; here a minute later");
    if (escalation.length < rungsMax)
      escalation.push({ after: formatDuration(Math.max(leastMs, waitedMs)), wake });
    waitedMs = 0;
  };
  for (const step of [...steps].sort((one, other) => one.position - other.position)) {
    const note = (message: string) =>
      notes.push({ at: `escalation_chains.${chain}.${step.position}`, message });
    switch (step.type) {
      case "wait":
        waitedMs += (step.duration ?? 0) * 1_000;
        break;
      case "notify_on_call_from_schedule": {
        const asked = step.notify_on_call_from_schedule ?? undefined;
        if (!hasFirst()) {
          if (waitedMs > 0) note("wakes somebody only after a wait; a page wakes who is on call at once");
          schedule = asked;
          waitedMs = 0;
        } else {
          if (asked !== schedule)
            note("asks another schedule; a team has one, so whoever was not woken yet is next");
          rung(asked === schedule ? "on-call" : "next", note);
        }
        break;
      }
      case "notify_persons":
      case "notify_person_next_each_time": {
        const people = step.persons_to_notify ?? step.persons_to_notify_next_each_time ?? [];
        if (!hasFirst()) {
          first = people;
          waitedMs = 0;
        } else {
          named.push(...people);
          rung("leads", note);
          note("names people; they became leads of the team, who are woken together");
        }
        break;
      }
      case "notify_user_group":
      case "notify_team_members":
        rung("leads", note);
        note(`is ${step.type}; the team's leads are woken`);
        break;
      default:
        note(`is ${step.type ?? "of no type"}, which has no place in an escalation`);
    }
  }
  if (waitedMs > 0)
    notes.push({ at: `escalation_chains.${chain}`, message: "ends with a wait, which was left out" });
  return { schedule, first, escalation, named, notes };
}
