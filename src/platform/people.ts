/** Where an action came in; `hook`: done in another system, which told us. */
export type Door = "slack" | "terminal" | "console" | "api" | "hook" | "system";

/** Who acts: a person of a Slack workspace, or Quarterdeck itself. People are (team, id). */
export interface Actor {
  /** Slack team id; `-` for Quarterdeck itself. */
  team: string;
  /** Slack user id; `quarterdeck` for Quarterdeck itself. */
  person: string;
  door: Door;
  /** The inbox row that carries the action, if one does. */
  inboxId?: string | undefined;
  /** Console only: when the person last proved to the identity provider who they are, in this session. */
  confirmedAt?: Date | undefined;
  /** Console only: groups that the identity provider named at this session's sign-in. */
  groups?: readonly string[] | undefined;
}

/** Quarterdeck acting on its own: a deadline, a sweep, a judge. */
export const systemActor: Actor = { team: "-", person: "quarterdeck", door: "system" };

export const isSystem = (actor: Actor): boolean => actor.door === "system";

/** Emitted with a Slack user id as ref when that account was deactivated. */
export const personLeft = "people.left";
