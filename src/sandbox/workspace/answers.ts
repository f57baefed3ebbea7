/**
 * What the workspace answers itself, or around emulate, and why. Everything not listed goes straight through.
 * test/sandbox/workspace/answers.test.ts holds each of these against the real `@slack/web-api` client.
 */
import { completeUpload, fileInfo } from "./answers-files.ts";
import {
  history,
  permalink,
  postEphemeral,
  postMessage,
  remove,
  replies,
  update,
} from "./answers-messages.ts";
import {
  authTest,
  channelInfo,
  channels,
  groupMembers,
  groupMembersUpdate,
  groups,
  lookupByEmail,
  members,
  userInfo,
  users,
} from "./answers-people.ts";
import { viewsOpen, viewsPush, viewsUpdate } from "./answers-views.ts";
import type { Desk } from "./desk.ts";
import type { Json } from "./model.ts";

export interface Answer {
  method: string;
  /** What emulate 0.12.2 lacks or does otherwise than Slack. */
  why: string;
  answer: (desk: Desk, args: Json) => Promise<Json>;
}

export const answers: readonly Answer[] = [
  { method: "auth.test", why: "names the workspace's own address", answer: authTest },
  { method: "chat.postMessage", why: "no block limits, no bot_id, no block ids", answer: postMessage },
  { method: "chat.postEphemeral", why: "nobody could read it back", answer: postEphemeral },
  { method: "chat.update", why: "no block limits, no block ids", answer: update },
  { method: "chat.delete", why: "the page has to forget it too", answer: remove },
  { method: "chat.getPermalink", why: "points at emulate instead of the page", answer: permalink },
  { method: "conversations.history", why: "no oldest, latest, inclusive; metadata always", answer: history },
  { method: "conversations.replies", why: "no paging, no oldest, latest; metadata always", answer: replies },
  { method: "conversations.list", why: "lists channels nobody declared", answer: channels },
  { method: "conversations.info", why: "knows channels nobody declared", answer: channelInfo },
  { method: "conversations.members", why: "lists emulate's own admin", answer: members },
  { method: "users.list", why: "lists emulate's own admin; no time zones", answer: users },
  { method: "users.info", why: "no time zones", answer: userInfo },
  { method: "users.lookupByEmail", why: "no time zones", answer: lookupByEmail },
  { method: "usergroups.list", why: "no user groups", answer: groups },
  { method: "usergroups.users.list", why: "no user groups", answer: groupMembers },
  { method: "usergroups.users.update", why: "no user groups", answer: groupMembersUpdate },
  { method: "views.open", why: "no limits; the page has to show it", answer: viewsOpen },
  { method: "views.push", why: "no limits; the page has to show it", answer: viewsPush },
  { method: "views.update", why: "no limits; the page has to show it", answer: viewsUpdate },
  {
    method: "files.completeUploadExternal",
    why: "the page has to show what it shares",
    answer: completeUpload,
  },
  { method: "files.info", why: "forgets files at a restart", answer: fileInfo },
];
