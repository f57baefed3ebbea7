import { createHash } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { App, HTTPReceiver, type Logger, LogLevel, SocketModeReceiver } from "@slack/bolt";
import type { Catalogs } from "../catalogs.ts";
import type { Clock } from "../clock.ts";
import type { Dispatcher } from "../dispatch.ts";
import type { Modal } from "../feature.ts";
import type { Inbox } from "../inbox.ts";
import type { Log } from "../log.ts";
import { cut, escapeText, plain } from "../messages/blocks.ts";
import type { Actor } from "../people.ts";
import { refusalText } from "../refusal.ts";
import type { SlackApi } from "./client.ts";

/** Slack's rule for signatures, which we apply to both sides. Source: Slack docs, "Verifying requests". */
export const signatureSkewSecMax = 300;

/** Fresh is neither too old nor ahead of time; Bolt itself refuses old ones only. */
export const isFresh = (sentSec: number, nowSec: number): boolean =>
  Number.isFinite(sentSec) && Math.abs(nowSec - sentSec) <= signatureSkewSecMax;

/** Largest body taken from Slack. */
const bodyBytesMax = 1_000_000;

interface Parts {
  signingSecret: string;
  appToken?: string | undefined;
  botToken: string;
  slack: SlackApi;
  inbox: Inbox;
  dispatcher: Dispatcher;
  catalogs: Catalogs;
  clock: Clock;
  modals: () => readonly Modal[];
  /** An account of the workspace was deactivated. */
  onPersonLeft: (person: string) => Promise<void>;
  log: Log;
}

export interface SlackDoor {
  /** Takes requests to `/slack/events`; in Socket Mode there is nothing to take. */
  handle(req: IncomingMessage, res: ServerResponse): void;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** A line that opens a form: `modal <command> [words]`. */
const modalLine = /^modal ([a-z-]+(?: [a-z-]+)?)(?:: (.*))?$/s;

/** Slack's commands, clicks, forms and mentions: kept in the inbox, then acknowledged. */
export function createSlackDoor(parts: Parts): SlackDoor {
  const { log, inbox } = parts;
  const logger = boltLogger(log);
  const http = parts.appToken
    ? undefined
    : new HTTPReceiver({
        signingSecret: parts.signingSecret,
        logger,
        bodyLimit: bodyBytesMax,
        // Bolt acknowledges events before their listeners run; so it answers when what came in is kept, or with 500.
        processBeforeResponse: true,
      });
  const receiver = http ?? new SocketModeReceiver({ appToken: parts.appToken as string, logger });
  const app = new App({
    receiver,
    logger,
    // Identity is in the payload; asking Slack before each event would put the network before the acknowledgement.
    authorize: async () => ({ botToken: parts.botToken, botId: "B0", botUserId: "U0" }),
    ignoreSelf: false,
    // Nobody here keeps conversations in a process' memory; without this Bolt looks for one at each request.
    convoStore: false,
  });

  const openModal = async (
    name: string,
    words: string,
    actor: Actor,
    triggerId: string,
    channel: string,
  ): Promise<boolean> => {
    const modal = parts.modals().find((candidate) => candidate.name === name);
    if (!modal) return false;
    const blocks = modal.build({ catalog: parts.catalogs.current(), actor, now: parts.clock.now(), words });
    await parts.slack.call("views.open", {
      trigger_id: triggerId,
      view: {
        type: "modal",
        callback_id: `modal:${name}`,
        title: plain(modal.title, 24),
        submit: plain(modal.submitLabel, 24),
        close: plain("Cancel", 24),
        private_metadata: JSON.stringify({ words, channel }),
        blocks,
      },
    });
    return true;
  };

  app.command(/.*/, async ({ command, ack }) => {
    const actor: Actor = { team: command.team_id, person: command.user_id, door: "slack" };
    const line = command.text.trim();
    const checked = await parts.dispatcher.check(actor, line, parts.clock.now());
    if (!checked.ok)
      return void (await ack({
        response_type: "ephemeral",
        text: escapeText(refusalText(checked.refusal), 2_000),
      }));
    if (
      checked.value.line.isBare &&
      (await openModal(checked.value.command.spec.name, "", actor, command.trigger_id, command.channel_id))
    )
      return void (await ack());
    await inbox.receive({
      kind: "command",
      dedup: `command:${command.trigger_id}`,
      team: actor.team,
      person: actor.person,
      payload: { line, door: "slack", channel: command.channel_id, responseUrl: command.response_url },
    });
    await ack();
  });

  app.action(/.*/, async ({ body, action, ack }) => {
    if (body.type !== "block_actions") return void (await ack());
    const line = lineOf(action);
    if (line === undefined) return void (await ack());
    const actor: Actor = {
      team: body.team?.id ?? body.user.team_id ?? "",
      person: body.user.id,
      door: "slack",
    };
    const channel = body.channel?.id ?? "";
    const form = modalLine.exec(line);
    if (form) {
      await openModal(form[1] as string, form[2] ?? "", actor, body.trigger_id, channel);
      return void (await ack());
    }
    const at = "action_ts" in action ? action.action_ts : "";
    await inbox.receive({
      kind: "action",
      dedup: `action:${digest([actor.team, actor.person, channel, body.message?.ts ?? "", line, at])}`,
      team: actor.team,
      person: actor.person,
      payload: {
        line,
        door: "slack",
        channel,
        messageTs: body.message?.ts,
        thread: body.message?.thread_ts as string | undefined,
        responseUrl: body.response_url,
      },
    });
    await ack();
  });

  app.view(/^modal:/, async ({ body, view, ack }) => {
    const name = view.callback_id.slice("modal:".length);
    const modal = parts.modals().find((candidate) => candidate.name === name);
    if (!modal) return void (await ack());
    const { words, channel } = JSON.parse(view.private_metadata) as { words: string; channel: string };
    const values = valuesOf(view.state.values);
    const actor: Actor = { team: body.team?.id ?? "", person: body.user.id, door: "slack" };
    const line = modal.line(values, words);
    const checked = await parts.dispatcher.check(actor, line, parts.clock.now());
    if (!checked.ok) {
      const field =
        Object.keys(values).find((key) => checked.refusal.message.includes(key)) ??
        Object.keys(values)[0] ??
        "";
      return void (await ack({
        response_action: "errors",
        errors: { [field]: cut(refusalText(checked.refusal), 250) },
      }));
    }
    await inbox.receive({
      kind: "view",
      dedup: `view:${view.id}:${view.hash}`,
      team: actor.team,
      person: actor.person,
      payload: { line, door: "slack", channel },
    });
    await ack();
  });

  app.event("app_mention", async ({ event, body }) => {
    if (!event.user || event.bot_id) return;
    const line = event.text.replace(/^\s*<@[A-Z0-9]+(?:\|[^>]*)?>\s*/, "");
    const dedup = `event:${body.event_id}`;
    const place = { channel: event.channel, thread: event.thread_ts ?? event.ts };
    const actor: Actor = { team: body.team_id, person: event.user, door: "slack" };
    // A mention has no form to open: what is missing in it is said.
    const checked = await parts.dispatcher.check(actor, line, parts.clock.now());
    if (!checked.ok)
      return parts.dispatcher.sayRefusal(`refusal:${dedup}`, event.user, place, checked.refusal);
    await inbox.receive({
      kind: "mention",
      dedup,
      team: actor.team,
      person: actor.person,
      payload: { line, door: "slack", ...place },
    });
  });

  app.event("user_change", async ({ event }) => {
    // Most changes are a status or a picture.
    if (event.user.deleted) await parts.onPersonLeft(event.user.id);
  });

  app.error(async (error) => {
    log.error({ err: error }, "a Slack payload could not be kept");
    throw error;
  });

  return {
    handle: (req, res) => {
      if (!http || req.method !== "POST") {
        res.writeHead(404).end();
        return;
      }
      const sentSec = Number(req.headers["x-slack-request-timestamp"]);
      if (!isFresh(sentSec, parts.clock.now().getTime() / 1_000)) {
        res.writeHead(401).end();
        return;
      }
      http.requestListener(req, res);
    },
    start: async () => {
      if (!http) await app.start();
    },
    stop: async () => {
      if (!http) await app.stop();
    },
  };
}

function lineOf(action: unknown): string | undefined {
  const { type, value, selected_option } = action as {
    type: string;
    value?: string;
    selected_option?: { value: string };
  };
  if (type === "button") return value;
  return type === "overflow" || type === "static_select" ? selected_option?.value : undefined;
}

function valuesOf(
  state: Record<
    string,
    Record<
      string,
      { value?: string | null; selected_option?: { value: string } | null; selected_user?: string | null }
    >
  >,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(state).map(([block, inputs]) => {
      const [input] = Object.values(inputs);
      return [block, input?.value ?? input?.selected_option?.value ?? input?.selected_user ?? ""];
    }),
  );
}

const digest = (parts: readonly string[]): string =>
  createHash("sha256").update(JSON.stringify(parts)).digest("hex");

/** Bolt logs payloads at debug: only warnings and errors are taken over, without their objects. */
function boltLogger(log: Log): Logger {
  const say =
    (level: "warn" | "error") =>
    (...parts: unknown[]) =>
      log[level](
        { from: "bolt" },
        parts
          .map((part) => (part instanceof Error ? part.message : typeof part === "string" ? part : ""))
          .join(" "),
      );
  return {
    debug: () => undefined,
    info: () => undefined,
    warn: say("warn"),
    error: say("error"),
    setLevel: () => undefined,
    getLevel: () => LogLevel.WARN,
    setName: () => undefined,
  };
}
