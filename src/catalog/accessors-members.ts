/** Systems in which people are made members of something with an account they have. */
import { z } from "zod";
import { envNameField, nameField, slackUsergroupIds, urlField } from "./fields.ts";

export const githubAccessorSchema = z.strictObject({
  name: nameField,
  kind: z.literal("github"),
  org: z.string().regex(/^[a-z\d](?:[a-z\d-]{0,38})$/i, "must be an organisation's login at GitHub"),
  /** Variable with a token that may write the organisation's members. */
  tokenEnv: envNameField,
  /** `https://HOST/api/v3` of an Enterprise Server. */
  apiUrl: urlField.default("https://api.github.com"),
});

export const githubTermsSchema = z.strictObject({
  team: z
    .string()
    .regex(
      /^[a-z\d][a-z\d_.-]{0,99}$/,
      "must be a team's slug, as in its address: lower-case letters, digits, '-'",
    ),
  role: z.enum(["member", "maintainer"]).default("member"),
});

export const slackAccessorSchema = z.strictObject({
  name: nameField,
  kind: z.literal("slack"),
  /** Variable with a user token of an admin, where admins alone may change user groups; else the bot's own token. */
  tokenEnv: envNameField.optional(),
});

export const slackTermsSchema = z.strictObject({
  /** User group by Slack team id: `{ T0LOCAL: S0LEADS }`. */
  usergroup: slackUsergroupIds.refine(
    (groups) => Object.keys(groups).length > 0,
    "names no user group; write { T…: S… }",
  ),
});
