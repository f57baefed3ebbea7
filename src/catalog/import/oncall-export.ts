/**
 * What an export of Grafana OnCall holds: the answers of its HTTP API, each list as it came (`{ results: [...] }`) or
 * plain. Pure. Source: grafana.com/docs/oncall, "OnCall HTTP API reference".
 */
import { z } from "zod";

const id = z.string({ error: "is missing" }).min(1, "is empty");
const slackChannel = z.object({ channel_id: z.string().nullish() }).nullish();

const userSchema = z.object({
  id,
  username: z.string({ error: "is missing" }),
  email: z.string().nullish(),
  slack: z.array(z.object({ user_id: z.string(), team_id: z.string() })).nullish(),
  timezone: z.string().nullish(),
});
const teamSchema = z.object({ id, name: z.string({ error: "is missing" }) });
const integrationSchema = z.object({
  id,
  name: z.string({ error: "is missing" }),
  type: z.string({ error: "is missing" }),
  team_id: z.string().nullish(),
  default_route: z.object({ escalation_chain_id: z.string().nullish(), slack: slackChannel }).nullish(),
});
const routeSchema = z.object({
  id,
  integration_id: z.string({ error: "is missing" }),
  escalation_chain_id: z.string().nullish(),
  routing_type: z.string().nullish(),
  routing_regex: z.string().nullish(),
  position: z.number().nullish(),
  is_the_last_route: z.boolean().nullish(),
  slack: slackChannel,
});
const chainSchema = z.object({ id, name: z.string({ error: "is missing" }), team_id: z.string().nullish() });
const stepSchema = z.object({
  id,
  escalation_chain_id: z.string({ error: "is missing" }),
  position: z.number({ error: "is missing" }),
  type: z.string().nullish(),
  duration: z.number().nullish(),
  persons_to_notify: z.array(z.string()).nullish(),
  persons_to_notify_next_each_time: z.array(z.string()).nullish(),
  notify_on_call_from_schedule: z.string().nullish(),
});
const scheduleSchema = z.object({
  id,
  name: z.string({ error: "is missing" }),
  type: z.string({ error: "is missing" }),
  team_id: z.string().nullish(),
  time_zone: z.string().nullish(),
  shifts: z.array(z.string()).nullish(),
  slack: z.object({ user_group_id: z.string().nullish() }).nullish(),
});
const shiftSchema = z.object({
  id,
  name: z.string({ error: "is missing" }),
  type: z.string({ error: "is missing" }),
  level: z.number().nullish(),
  start: z.string({ error: "is missing" }),
  duration: z.number({ error: "is missing" }),
  time_zone: z.string().nullish(),
  frequency: z.string().nullish(),
  interval: z.number().nullish(),
  until: z.string().nullish(),
  by_day: z.array(z.string()).nullish(),
  by_month: z.array(z.number()).nullish(),
  by_monthday: z.array(z.number()).nullish(),
  users: z.array(z.string()).nullish(),
  rolling_users: z.array(z.array(z.string())).nullish(),
  start_rotation_from_user_index: z.number().nullish(),
});

/** A list, or the API's page around it. */
const listOf = <Entry extends z.ZodType>(entry: Entry) =>
  z
    .union([
      z.array(z.unknown()),
      z.object({ results: z.array(z.unknown()) }).transform(({ results }) => results),
    ])
    .pipe(z.array(entry))
    .default([]);

export const onCallExportSchema = z
  .object({
    users: listOf(userSchema),
    teams: listOf(teamSchema),
    integrations: listOf(integrationSchema),
    routes: listOf(routeSchema),
    escalation_chains: listOf(chainSchema),
    escalation_policies: listOf(stepSchema),
    schedules: listOf(scheduleSchema),
    on_call_shifts: listOf(shiftSchema),
  })
  .refine((file) => file.integrations.length + file.escalation_chains.length + file.schedules.length > 0, {
    error: "holds no integrations, escalation_chains or schedules",
  });

export type OnCallExport = z.output<typeof onCallExportSchema>;
export type OnCallUser = OnCallExport["users"][number];
export type OnCallChain = OnCallExport["escalation_chains"][number];
export type OnCallStep = OnCallExport["escalation_policies"][number];
export type OnCallSchedule = OnCallExport["schedules"][number];
export type OnCallShift = OnCallExport["on_call_shifts"][number];
export type OnCallRoute = OnCallExport["routes"][number];
export type OnCallIntegration = OnCallExport["integrations"][number];
