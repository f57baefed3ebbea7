/** What Slack sends to an app, field by field. Pure. Source: Slack docs, "Slash commands", "Interaction payloads". */
import {
  appId,
  botId,
  isJson,
  type Json,
  listOf,
  type Message,
  textOf,
  type WorkspaceUser,
} from "./model.ts";

export interface Scene {
  teamId: string;
  teamDomain: string;
  user: WorkspaceUser;
}

export function slashFields(
  scene: Scene,
  channel: { id: string; name: string },
  command: string,
  text: string,
  responseUrl: string,
  triggerId: string,
): Record<string, string> {
  return {
    token: "local",
    team_id: scene.teamId,
    team_domain: scene.teamDomain,
    channel_id: channel.id,
    channel_name: channel.name,
    user_id: scene.user.id,
    user_name: scene.user.name,
    command,
    text,
    api_app_id: appId,
    is_enterprise_install: "false",
    response_url: responseUrl,
    trigger_id: triggerId,
  };
}

function common(scene: Scene): Json {
  return {
    team: { id: scene.teamId, domain: scene.teamDomain },
    user: {
      id: scene.user.id,
      username: scene.user.name,
      name: scene.user.name,
      team_id: scene.teamId,
    },
    api_app_id: appId,
    token: "local",
    enterprise: null,
    is_enterprise_install: false,
  };
}

/** A press in a message; of an ephemeral one Slack sends where it was, not what it said. */
export function messageAction(
  scene: Scene,
  channel: { id: string; name: string },
  message: Message,
  isEphemeral: boolean,
  action: Json,
  responseUrl: string,
  triggerId: string,
): Json {
  const { channel: _channel, target: _target, ...said } = message;
  const thread = textOf(message.thread_ts) === "" ? {} : { thread_ts: message.thread_ts };
  return {
    type: "block_actions",
    ...common(scene),
    container: {
      type: "message",
      message_ts: message.ts,
      channel_id: channel.id,
      is_ephemeral: isEphemeral,
      ...thread,
    },
    channel: { id: channel.id, name: channel.name },
    ...(isEphemeral ? {} : { message: { type: "message", team: scene.teamId, app_id: appId, ...said } }),
    state: { values: {} },
    trigger_id: triggerId,
    response_url: responseUrl,
    actions: [action],
  };
}

export function viewAction(scene: Scene, view: Json, values: Json, action: Json, triggerId: string): Json {
  return {
    type: "block_actions",
    ...common(scene),
    container: { type: "view", view_id: view.id },
    view: { ...view, state: { values } },
    trigger_id: triggerId,
    actions: [action],
  };
}

export function viewSubmission(scene: Scene, view: Json, values: Json, triggerId: string): Json {
  return {
    type: "view_submission",
    ...common(scene),
    trigger_id: triggerId,
    view: { ...view, state: { values }, app_installed_team_id: scene.teamId, bot_id: botId },
    response_urls: [],
  };
}

export function viewClosed(scene: Scene, view: Json, isCleared: boolean): Json {
  return { type: "view_closed", ...common(scene), view, is_cleared: isCleared };
}

export function eventCallback(scene: Scene, botUserId: string, id: string, sec: number, event: Json): Json {
  return {
    token: "local",
    team_id: scene.teamId,
    api_app_id: appId,
    type: "event_callback",
    event_id: id,
    event_time: sec,
    event_context: `4-${id}`,
    is_ext_shared_channel: false,
    authorizations: [
      {
        enterprise_id: null,
        team_id: scene.teamId,
        user_id: botUserId,
        is_bot: true,
        is_enterprise_install: false,
      },
    ],
    event,
  };
}

/** The element with this action id (and block id, when given), with its block. */
export function findElement(
  blocks: unknown,
  actionId: string,
  blockId?: string,
): { blockId: string; element: Json } | undefined {
  for (const block of listOf(blocks)) {
    if (blockId !== undefined && blockId !== "" && block.block_id !== blockId) continue;
    const elements = [...listOf(block.elements), block.accessory, block.element].filter(isJson);
    const element = elements.find((one) => one.action_id === actionId);
    if (element) return { blockId: textOf(block.block_id), element };
  }
  return undefined;
}

/** An element with what a person chose; undefined when the choice is none of its options. */
export function chosen(element: Json, value: unknown): Json | undefined {
  const type = textOf(element.type);
  const option = (wanted: unknown): Json | undefined =>
    [
      ...listOf(element.options),
      ...listOf(element.option_groups).flatMap((group) => listOf(group.options)),
    ].find((one) => one.value === wanted);
  const many = Array.isArray(value)
    ? value
    : value === undefined || value === null || value === ""
      ? []
      : [value];
  const one = many[0] ?? null;
  switch (type) {
    case "button":
      return { type, ...(element.value === undefined ? {} : { value: element.value }), text: element.text };
    case "overflow":
    case "static_select":
    case "radio_buttons": {
      const found = one === null ? null : option(one);
      return found === undefined ? undefined : { type, selected_option: found };
    }
    case "multi_static_select":
    case "checkboxes": {
      const found = many.map(option);
      return found.includes(undefined) ? undefined : { type, selected_options: found };
    }
    case "users_select":
      return { type, selected_user: one };
    case "multi_users_select":
      return { type, selected_users: many };
    case "channels_select":
      return { type, selected_channel: one };
    case "conversations_select":
      return { type, selected_conversation: one };
    case "datepicker":
      return { type, selected_date: one };
    case "timepicker":
      return { type, selected_time: one };
    case "datetimepicker":
      return { type, selected_date_time: one === null ? null : Number(one) };
    default:
      return { type, value: one };
  }
}
