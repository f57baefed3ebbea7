import type { Settings } from "../config/config.ts";
import type { Authz, UsergroupMembers } from "./authz.ts";
import type { Catalogs } from "./catalogs.ts";
import type { Clock } from "./clock.ts";
import type { Database } from "./db/database.ts";
import type { Log } from "./log.ts";
import type { SecretBox } from "./secretbox.ts";
import type { Sessions } from "./sessions.ts";
import type { IdentityProvider } from "./signin/provider.ts";
import type { SlackApi } from "./slack/client.ts";

/** What every feature stands on. Built once, in app.ts. */
export interface Platform {
  settings: Settings;
  log: Log;
  clock: Clock;
  database: Database;
  catalogs: Catalogs;
  authz: Authz;
  usergroups: UsergroupMembers;
  slack: SlackApi;
  sessions: Sessions;
  /** Who signs people in to the console; a single-use link does where none is set. */
  identity?: IdentityProvider | undefined;
  box: SecretBox;
  /** Slack team whose workspace this installation posts to. */
  slackTeam: () => string;
  random: () => number;
  /** Where people reach the console, without a slash at the end. */
  publicUrl: string;
  /** A secret the catalog names by its environment variable. */
  env: (name: string) => string | undefined;
}
