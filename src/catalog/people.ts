/** The organisation, its channels, its people and teams. */
import { z } from "zod";
import {
  emailField,
  nameField,
  slackChannelIds,
  slackTeamIdField,
  slackUsergroupIds,
  slackUserIds,
  wordsField,
  zoneField,
} from "./fields.ts";
import { escalationSchema, onCallSchema } from "./schedules.ts";

export const organisationSchema = z.strictObject({
  name: wordsField,
  /** Slack workspaces served; people of others are refused. */
  slackTeams: z.array(slackTeamIdField).min(1, "names no Slack workspace; list at least one team id"),
  timezone: zoneField.default("UTC"),
  defaultEnvironment: nameField.default("production"),
  /** Where things go that name no channel of their own. */
  defaultChannel: nameField,
  /** Team that owns what names no owner. */
  defaultOwner: nameField,
  /** Team whose leads approve a change of the catalog that gives rights; the default owner when left out. */
  owners: nameField.optional(),
});
export type Organisation = z.output<typeof organisationSchema>;

export const channelSchema = z.strictObject({ name: nameField, slack: slackChannelIds });
export type Channel = z.output<typeof channelSchema>;

const accountField = z.string().regex(/^[\w.:-]{1,128}$/, "must be an account, without @");

export const personSchema = z.strictObject({
  id: nameField,
  name: wordsField,
  /** Slack user id by Slack team id. */
  slack: slackUserIds.default({}),
  email: emailField.optional(),
  timezone: zoneField.optional(),
  /** Their account in each ticket system: a login at GitHub, a user name at GitLab, an account id at Jira. */
  accounts: z
    .strictObject({
      github: accountField.optional(),
      gitlab: accountField.optional(),
      jira: accountField.optional(),
    })
    .optional(),
});
export type Person = z.output<typeof personSchema>;

const groupNames = z.array(z.string().min(1).max(200)).max(50).default([]);

export const teamSchema = z.strictObject({
  name: nameField,
  /** Person ids. */
  members: z.array(nameField).default([]),
  leads: z.array(nameField).min(1, "has no lead; list at least one person id: leads approve access"),
  /** A Slack user group whose people count as members too. */
  slackUsergroup: slackUsergroupIds.optional(),
  /** Groups of the identity provider (OIDC_GROUPS_CLAIM) whose people count as members, or as leads, on the console. */
  groups: z.strictObject({ members: groupNames, leads: groupNames }).optional(),
  alertChannel: nameField,
  leadsChannel: nameField,
  /** Ticketing instance of its services; the first declared when left out. */
  ticketing: nameField.optional(),
  onCall: onCallSchema.optional(),
  /** Paging providers told of each of its pages, beside Slack and at the same moment. */
  pagers: z.array(nameField).max(5).optional(),
  /** What happens while nobody acknowledges; by `policies.paging.escalateAfter` when left out. */
  escalation: escalationSchema.optional(),
});
export type Team = z.output<typeof teamSchema>;
