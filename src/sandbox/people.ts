import type { WorkspaceOptions } from "./workspace/index.ts";

/** Team of the local workspace. */
export const localTeam = "T0LOCAL";

/** Who is in the local workspace and where they talk; the sample catalog knows the same ids. */
export const localPeople: Pick<
  WorkspaceOptions,
  "teamId" | "teamName" | "users" | "channels" | "usergroups" | "botUser"
> = {
  teamId: localTeam,
  teamName: "Quarterdeck local",
  users: [
    {
      id: "U0ONCALL",
      name: "olive",
      realName: "Olive Okafor",
      email: "olive@example.com",
      title: "on-call engineer",
      actAs: true,
    },
    {
      id: "U0LEAD",
      name: "lena",
      realName: "Lena Lind",
      email: "lena@example.com",
      title: "team lead",
      actAs: true,
    },
    {
      id: "U0DEV",
      name: "dev",
      realName: "Dev Dara",
      email: "dev@example.com",
      title: "developer",
      actAs: true,
    },
  ],
  channels: [
    { id: "C0GENERAL", name: "general", topic: "Everything else", members: ["U0ONCALL", "U0LEAD", "U0DEV"] },
    { id: "C0OPS", name: "ops", topic: "Operations; type /ops", members: ["U0ONCALL", "U0LEAD", "U0DEV"] },
    {
      id: "C0SHOPALERTS",
      name: "shop-alerts",
      topic: "Tickets of the shop",
      members: ["U0ONCALL", "U0LEAD", "U0DEV"],
    },
    {
      id: "C0LEADS",
      name: "storefront-leads",
      topic: "What waits for a lead",
      members: ["U0LEAD", "U0ONCALL", "U0DEV"],
    },
    {
      id: "C0PAYALERTS",
      name: "payments-alerts",
      topic: "Tickets of payments",
      members: ["U0ONCALL", "U0LEAD", "U0DEV"],
    },
    {
      id: "C0PAYLEADS",
      name: "payments-leads",
      topic: "What waits for a lead of payments",
      members: ["U0LEAD"],
    },
  ],
  usergroups: [{ id: "S0LEADS", handle: "storefront-leads", name: "Storefront leads", users: ["U0LEAD"] }],
  botUser: { id: "U0QUARTERDECK", name: "quarterdeck" },
};

/** What a newcomer may try, in order. */
export const tour: WorkspaceOptions["tour"] = [
  {
    title: "Look around",
    body: "You are Olive, on call for the shop. See how it is doing.",
    try: "/ops status shop",
    as: "U0ONCALL",
    channel: "C0OPS",
  },
  {
    title: "Open a runbook",
    body: "It comes filled with live values and recent deploys.",
    try: "/ops runbook shop high-error-rate",
    as: "U0ONCALL",
    channel: "C0SHOPALERTS",
  },
  {
    title: "Ship a good canary",
    body: "v42 is as good as v41. Watch the card: 1, 10, 50, 100 % by itself.",
    try: "/ops rollout start shop v42",
    as: "U0ONCALL",
    channel: "C0SHOPALERTS",
  },
  {
    title: "Ship a bad one",
    body: "v43 fails every third request. Its signals stop it and send it back.",
    try: "/ops rollout start shop v43",
    as: "U0ONCALL",
    channel: "C0SHOPALERTS",
  },
  {
    title: "Go back by hand",
    body: "See what a rollback would do; it does nothing before you confirm.",
    try: "/ops rollback shop",
    as: "U0ONCALL",
    channel: "C0SHOPALERTS",
  },
  {
    title: "Ask for access",
    body: "You are Dev now. Ask for the orders database for a quarter of an hour.",
    try: "/ops access request orders-db readonly 15m INC-42 stuck orders",
    as: "U0DEV",
    channel: "C0OPS",
  },
  {
    title: "Approve it",
    body: "You are Lena, a lead. The card waits in storefront-leads: press Approve. Then act as Dev again and claim it.",
    as: "U0LEAD",
    channel: "C0LEADS",
  },
  {
    title: "See who did what",
    body: "All of it is on the audit trail.",
    try: "/ops audit shop",
    as: "U0ONCALL",
    channel: "C0OPS",
  },
];
