/** A person fills in a modal: what is checked before it is sent, and what the app's answer does to the screen. */
import { issueTrigger, viewsPush, viewsUpdate } from "./answers-views.ts";
import { actionOf, type Done, no, sceneOf } from "./deeds.ts";
import { deliver } from "./delivery.ts";
import type { Desk } from "./desk.ts";
import { isJson, type Json, listOf, textOf, type WorkspaceUser } from "./model.ts";
import { chosen, viewAction, viewClosed, viewSubmission } from "./payloads.ts";

/** Block id → action id → what was typed or chosen: text, an option's value, a user id, or a list of them. */
type Given = Record<string, unknown>;

/** Slack's client refuses these itself; nothing is sent. */
export function inputErrors(view: Json, given: Given): Record<string, string> {
  const errors: Record<string, string> = {};
  for (const block of listOf(view.blocks)) {
    if (block.type !== "input" || !isJson(block.element)) continue;
    const value = givenFor(given, block, block.element);
    const isEmpty =
      value === undefined || value === null || value === "" || (Array.isArray(value) && !value.length);
    const id = textOf(block.block_id);
    if (isEmpty) {
      if (block.optional !== true) errors[id] = "Please complete this required field.";
      continue;
    }
    const { min_length: min, max_length: max } = block.element;
    if (typeof min === "number" && String(value).length < min)
      errors[id] = `Please enter at least ${min} characters.`;
    if (typeof max === "number" && String(value).length > max)
      errors[id] = `Please enter at most ${max} characters.`;
    if (chosen(block.element, value) === undefined) errors[id] = "That is none of the options.";
  }
  return errors;
}

/** `view.state.values` for what was filled in. */
export function stateOf(view: Json, given: Given): Json {
  const values: Record<string, Json> = {};
  for (const block of listOf(view.blocks)) {
    const elements = [block.element, block.accessory, ...listOf(block.elements)].filter(isJson);
    for (const element of elements) {
      if (element.type === "button" || element.type === "overflow" || element.type === "image") continue;
      const state = chosen(element, givenFor(given, block, element));
      if (!state) continue;
      values[textOf(block.block_id)] = {
        ...values[textOf(block.block_id)],
        [textOf(element.action_id)]: state,
      };
    }
  }
  return values;
}

function givenFor(given: Given, block: Json, element: Json): unknown {
  const ofBlock = given[textOf(block.block_id)];
  return isJson(ofBlock) ? ofBlock[textOf(element.action_id)] : undefined;
}

export async function submit(desk: Desk, user: WorkspaceUser, body: Json): Promise<Done> {
  const viewId = textOf(body.view_id);
  const modal = desk.modals.find(user.id, viewId);
  if (!modal) return no("view_not_found", "That form is closed.");
  const given = isJson(body.values) ? body.values : {};
  const errors = inputErrors(modal.view, given);
  if (Object.keys(errors).length > 0) {
    desk.modals.refuse(viewId, errors);
    desk.changes.bump();
    return no("incomplete", "Something is missing in the form.");
  }
  const trigger = await issueTrigger(desk, user.id, viewId);
  const payload = viewSubmission(sceneOf(desk, user), modal.view, stateOf(modal.view, given), trigger);
  const ack = await deliver(desk, { kind: "interaction", payload });
  if (!ack.ok) return no(ack.error, "We had some trouble connecting. Try again?", ack);
  const answer = isJson(ack.body) ? ack.body : {};
  const refusal = await apply(desk, user, viewId, answer);
  desk.changes.bump();
  if (refusal) return no(refusal, `The app's answer was refused: ${refusal}`, ack);
  return { ok: true, ack };
}

/** What the app's answer to a form does: Slack's response_action, or the form closes. */
async function apply(
  desk: Desk,
  user: WorkspaceUser,
  viewId: string,
  answer: Json,
): Promise<string | undefined> {
  switch (answer.response_action) {
    case "errors":
      desk.modals.refuse(viewId, textValues(answer.errors));
      return undefined;
    case "clear":
      desk.modals.close(user.id, true);
      return undefined;
    case "update": {
      const reply = await viewsUpdate(desk, { view_id: viewId, view: answer.view });
      return reply.ok === true ? undefined : textOf(reply.error);
    }
    case "push": {
      const trigger_id = await issueTrigger(desk, user.id, viewId);
      const reply = await viewsPush(desk, { trigger_id, view: answer.view });
      return reply.ok === true ? undefined : textOf(reply.error);
    }
    default:
      // The app may have opened another modal meanwhile; only the one that was sent closes.
      if (desk.modals.of(user.id).at(-1)?.view.id === viewId) desk.modals.close(user.id, false);
      return undefined;
  }
}

function textValues(value: unknown): Record<string, string> {
  return Object.fromEntries(
    Object.entries(isJson(value) ? value : {}).map(([id, text]) => [id, textOf(text)]),
  );
}

/** A button or picker inside a modal. */
export async function pressInView(desk: Desk, user: WorkspaceUser, body: Json): Promise<Done> {
  const viewId = textOf(body.view_id);
  const modal = desk.modals.find(user.id, viewId);
  if (!modal) return no("view_not_found", "That form is closed.");
  const action = actionOf(desk, modal.view.blocks, body);
  if (!action) return no("action_not_found", "That form has no such button any more.");
  const trigger = await issueTrigger(desk, user.id, viewId);
  const values = stateOf(modal.view, isJson(body.values) ? body.values : {});
  const payload = viewAction(sceneOf(desk, user), modal.view, values, action, trigger);
  const ack = await deliver(desk, { kind: "interaction", payload });
  return ack.ok ? { ok: true, ack } : no(ack.error, ack.message, ack);
}

export async function dismiss(desk: Desk, user: WorkspaceUser, viewId: string): Promise<Done> {
  const modal = desk.modals.find(user.id, viewId);
  if (!modal) return no("view_not_found", "That form is closed.");
  const isCleared = modal.view.clear_on_close === true;
  desk.modals.close(user.id, isCleared);
  desk.changes.bump();
  if (modal.view.notify_on_close !== true) return { ok: true };
  const payload = viewClosed(sceneOf(desk, user), modal.view, isCleared);
  const ack = await deliver(desk, { kind: "interaction", payload });
  return { ok: true, ack };
}
