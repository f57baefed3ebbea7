/** What is asked of Slack and why. A test compares this with the methods the source calls, both ways. */
export interface Scope {
  scope: string;
  /** For the administrator who is to approve it. */
  why: string;
  /** Web API methods that need it here; empty where an event or a feature of the app does. */
  methods: readonly string[];
}

/** Source: Slack's method reference, "Required scopes" of each method. */
export const scopes: readonly Scope[] = [
  { scope: "commands", why: "The /ops command.", methods: [] },
  {
    scope: "app_mentions:read",
    why: "Commands in threads, where Slack allows no slash command: @quarterdeck with the same words.",
    methods: [],
  },
  {
    scope: "chat:write",
    why: "Posts cards and edits them in place, answers people.",
    methods: ["chat.postMessage", "chat.update", "chat.postEphemeral"],
  },
  {
    scope: "im:write",
    why: "Opens the direct message in which a page reaches a person.",
    methods: ["conversations.open"],
  },
  {
    scope: "channels:history",
    why: "After a crash, looks whether its own card was posted before it posts again (public channels).",
    methods: ["conversations.history", "conversations.replies"],
  },
  {
    scope: "groups:history",
    why: "The same in private channels it was invited to.",
    methods: ["conversations.history", "conversations.replies"],
  },
  {
    scope: "im:history",
    why: "The same in its direct messages: one page is never sent twice.",
    methods: ["conversations.history", "conversations.replies"],
  },
  {
    scope: "channels:read",
    why: "`quarterdeck doctor` checks that the catalog's public channels exist and that it is in them.",
    methods: ["conversations.info"],
  },
  { scope: "groups:read", why: "The same for private channels.", methods: ["conversations.info"] },
  {
    scope: "files:write",
    why: "Puts charts under cards.",
    methods: ["files.getUploadURLExternal", "files.completeUploadExternal"],
  },
  {
    scope: "usergroups:read",
    why: "Rights of teams that the catalog names by a user group.",
    methods: ["usergroups.users.list", "usergroups.list"],
  },
  {
    scope: "usergroups:write",
    why: "Access that is membership of a user group (accessors of kind slack): puts people in and takes them out.",
    methods: ["usergroups.users.update", "usergroups.disable"],
  },
  {
    scope: "users:read",
    why: "Somebody who leaves the workspace loses what access they have.",
    methods: ["users.info"],
  },
];

/** Methods that need no scope. */
export const scopelessMethods: readonly string[] = ["auth.test", "views.open"];

/** Events Slack sends, each needing the scope beside it. */
export const botEvents = [
  { event: "app_mention", scope: "app_mentions:read" },
  { event: "user_change", scope: "users:read" },
] as const;
