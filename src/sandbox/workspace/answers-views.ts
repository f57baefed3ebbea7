/** Modals: emulate checks the trigger (single use, 3 seconds) and the hash, the page shows them. */
import { asBot } from "./answers-people.ts";
import { viewFaults } from "./blocklimits.ts";
import { type Desk, withIds } from "./desk.ts";
import { isJson, type Json, textOf } from "./model.ts";

export function viewsOpen(desk: Desk, args: Json): Promise<Json> {
  return show(desk, "views.open", args, (user, view) => desk.modals.open(user, view));
}

export function viewsPush(desk: Desk, args: Json): Promise<Json> {
  return show(desk, "views.push", args, (user, view) => desk.modals.push(user, view));
}

export function viewsUpdate(desk: Desk, args: Json): Promise<Json> {
  return show(desk, "views.update", args, (_user, view) => desk.modals.update(view));
}

async function show(
  desk: Desk,
  method: string,
  args: Json,
  place: (user: string, view: Json) => void,
): Promise<Json> {
  const faults = viewFaults(args.view);
  if (faults.length > 0) {
    const detail = faults.map((fault) => `[ERROR] ${fault}`);
    desk.options.log("warn", "workspace refused a view", { faults });
    return { ok: false, error: "invalid_arguments", response_metadata: { messages: detail } };
  }
  const view = isJson(args.view) ? { ...args.view, blocks: withIds(args.view.blocks) } : args.view;
  const user = desk.triggers.get(textOf(args.trigger_id)) ?? "";
  const reply = await asBot(desk, method, { ...args, view });
  if (reply.ok !== true || !isJson(reply.view)) return reply;
  place(user, reply.view);
  desk.changes.bump();
  return reply;
}

/** A trigger for what this person just did; a push needs the view it comes from. */
export async function issueTrigger(desk: Desk, user: string, viewId?: string): Promise<string> {
  const args = { user_id: user, ...(viewId === undefined ? {} : { view_id: viewId }) };
  const reply = await asBot(desk, "views.generateTriggerId", args);
  const trigger = textOf(reply.trigger_id);
  if (trigger === "") throw new Error(`emulate gave no trigger: ${String(reply.error)}`);
  desk.triggers.keep(trigger, user);
  return trigger;
}
