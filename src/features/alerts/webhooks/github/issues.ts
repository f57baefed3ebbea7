/** Issues: tickets moved at GitHub. Pure. */
import { z } from "zod";
import type { TicketEvent } from "../../events.ts";
import { firstText } from "../texts.ts";
import { shown } from "./others.ts";
import { idField, moment, part, person, repository } from "./parts.ts";

const moves: Readonly<Record<string, TicketEvent["what"]>> = {
  opened: "opened",
  closed: "closed",
  reopened: "reopened",
  assigned: "assigned",
  unassigned: "assigned",
};

export const readIssues = part(
  z.looseObject({
    action: z.string(),
    issue: z.object({
      number: idField,
      assignee: person,
      assignees: z.array(z.object({ login: z.string() })).nullish(),
      created_at: moment,
      updated_at: moment,
      closed_at: moment,
    }),
    assignee: person,
    repository,
    sender: person,
  }),
  (body) => {
    const { action, issue, assignee, repository: repo, sender } = body;
    const what = Object.hasOwn(moves, action) ? moves[action] : undefined;
    if (what === undefined) return shown("issues", body);
    const standing = firstText(issue.assignee?.login, issue.assignees?.[0]?.login);
    const at = what === "opened" ? issue.created_at : what === "closed" ? issue.closed_at : issue.updated_at;
    return {
      events: [
        {
          kind: "ticket",
          system: "github",
          key: issue.number,
          project: repo.full_name,
          what,
          by: sender?.login ?? null,
          // Whoever was taken off it is named beside the issue, whoever is left stands on it.
          assignee: (action === "assigned" ? firstText(assignee?.login, standing) : standing) ?? null,
          at: at ?? issue.updated_at ?? null,
        },
      ],
    };
  },
);
