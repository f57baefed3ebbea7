/**
 * Commands from pages, for those who would rather press than type and for when Slack is down: `POST /do` does a line,
 * `GET /form` shows it first, with the inputs of its form if it has one. Same grammar, rights, inbox and audit as Slack.
 */
import { createHash } from "node:crypto";
import { z } from "zod";
import type { Catalog } from "../../catalog/schema.ts";
import type { Clock } from "../clock.ts";
import type { Db } from "../db/database.ts";
import { type Dispatcher, refusalReply } from "../dispatch.ts";
import type { Modal, Route, RouteContext } from "../feature.ts";
import type { Inbox } from "../inbox.ts";
import { formUrl, hiddenFields, messageHtml, modalLine, pressForm } from "../messages/html.ts";
import { asksSomething, type FilledIn, fieldPrefix, inputsHtml } from "../messages/inputs-html.ts";
import { type Refusal, refusalText } from "../refusal.ts";
import { localPath } from "../sessions.ts";
import { waitForAnswer } from "./answers.ts";
import { escapeHtml, page } from "./page.ts";
import { redirect, sendPage } from "./server.ts";

interface Parts {
  dispatcher: Dispatcher;
  inbox: Inbox;
  db: Db;
  clock: Clock;
  catalog: () => Catalog;
  modals: () => readonly Modal[];
  /** Milliseconds a page waits for an answer before it says that it is being done. */
  waitMs?: number | undefined;
}

const lineCharsMax = 4_000;
const askedSchema = z.object({
  line: z.string().trim().min(1).max(lineCharsMax),
  id: z.uuid(),
  next: z.string(),
});
const pendingRefreshSec = 2;

export function doRoutes(parts: Parts): Route[] {
  /** Does a line and answers with where its answer is shown; refused, nothing of it is kept. */
  const ask = async (
    { actor }: RouteContext,
    asked: { line: string; id: string },
  ): Promise<{ id: string } | Refusal> => {
    const checked = await parts.dispatcher.check(actor, asked.line, parts.clock.now());
    if (!checked.ok) return checked.refusal;
    return parts.inbox.receive({
      kind: "command",
      dedup: `console:${digest([actor.team, actor.person, asked.id, asked.line])}`,
      team: actor.team,
      person: actor.person,
      payload: {
        line: asked.line,
        door: "console",
        // What a command says beside its answer reaches the person directly.
        channel: actor.person,
        confirmedAt: actor.confirmedAt?.toISOString(),
        groups: actor.groups,
      },
    });
  };

  /** The form that stands for a line, with the words that were filled in for it. */
  const formOf = async (
    { actor }: RouteContext,
    line: string,
  ): Promise<{ modal: Modal; words: string } | undefined> => {
    const [, name, words] = modalLine.exec(line) ?? [];
    const find = (wanted: string) => parts.modals().find((one) => one.name === wanted);
    if (name !== undefined) {
      const modal = find(name);
      return modal && { modal, words: words ?? "" };
    }
    const checked = await parts.dispatcher.check(actor, line, parts.clock.now());
    if (!checked.ok || !checked.value.line.isBare) return undefined;
    const modal = find(checked.value.command.spec.name);
    return modal && { modal, words: "" };
  };

  const showForm = (
    context: RouteContext,
    { modal, words }: { modal: Modal; words: string },
    filled: Pick<FilledIn, "values" | "error"> & { whole?: string | undefined },
  ): void => {
    const { frame, actor } = context;
    const next = nextOf(context);
    const catalog = parts.catalog();
    const blocks = modal.build({ catalog, actor, now: parts.clock.now(), words });
    const people = catalog.people.flatMap(({ name, slack }) => {
      const id = slack[actor.team];
      return id === undefined ? [] : [{ id, name }];
    });
    const inputs = inputsHtml(blocks, { ...frame, forms: undefined }, { ...filled, people });
    const whole =
      filled.whole === undefined ? "" : `<p class="error" role="alert">${escapeHtml(filled.whole)}</p>`;
    const line = words === "" ? `modal ${modal.name}` : `modal ${modal.name}: ${words}`;
    const hidden = hiddenFields({ ...frame.forms, next }, line);
    const press = asksSomething(blocks)
      ? `<form method="post" action="/form">${hidden}${inputs}<div class="actions"><button class="primary">${escapeHtml(modal.submitLabel)}</button>${back(next, "Cancel", "button")}</div></form>`
      : `${inputs}<p>${back(next, "Back")}</p>`;
    const status = filled.error || filled.whole !== undefined ? 422 : 200;
    sendPage(context.res, status, page(modal.title, whole + press, frame));
  };

  const refused = (context: RouteContext, refusal: Refusal): void => {
    const words = messageHtml(refusalReply(refusal), context.frame);
    const body = `<div class="answer refused" role="alert">${words}</div><p>${back(nextOf(context), "Back")}</p>`;
    sendPage(context.res, 409, page("Not done", body, context.frame));
  };

  const show = async (context: RouteContext): Promise<void> => {
    const line = (context.url.searchParams.get("line") ?? "").trim().slice(0, lineCharsMax);
    const form = await formOf(context, line);
    if (form) return showForm(context, form, {});
    if (modalLine.test(line)) return refused(context, noForm);
    const checked = await parts.dispatcher.check(context.actor, line, parts.clock.now());
    if (!checked.ok) return refused(context, checked.refusal);
    const next = nextOf(context);
    const scene = { forms: { ...context.frame.forms, next } };
    const echo = checked.value.line.echo.map((word) => `<p>${escapeHtml(word)}</p>`).join("");
    const body = `<p>${escapeHtml(checked.value.command.spec.summary)}</p><pre>${escapeHtml(line)}</pre>${echo}<div class="actions">${pressForm(line, "Do it", "primary", scene)}${back(next, "Back", "button")}</div>`;
    sendPage(context.res, 200, page("Do this?", body, context.frame));
  };

  const submit = async (context: RouteContext): Promise<void> => {
    const asked = askedSchema.safeParse(context.form);
    const form = asked.success ? await formOf(context, asked.data.line) : undefined;
    if (!asked.success || !form) return refused(context, noForm);
    const values = Object.fromEntries(
      Object.entries(context.form).flatMap(([name, value]) =>
        name.startsWith(fieldPrefix) ? [[name.slice(fieldPrefix.length), value]] : [],
      ),
    );
    const line = form.modal.line(values, form.words);
    const done = await ask(context, { line, id: asked.data.id });
    if ("id" in done) return redirect(context.res, answerUrl(done.id, asked.data.next));
    const { names } = context.frame;
    const message = refusalText({ ...done, whoCould: done.whoCould.map((who) => names.person(who) ?? who) });
    const field = Object.keys(values).find((key) => done.message.includes(key));
    showForm(context, form, { values, ...(field ? { error: { field, message } } : { whole: message }) });
  };

  const press = async (context: RouteContext): Promise<void> => {
    const asked = askedSchema.safeParse(context.form);
    if (!asked.success) return refused(context, nothingAsked);
    const form = await formOf(context, asked.data.line);
    if (form) return redirect(context.res, formUrl(asked.data.line, localPath(asked.data.next)));
    const done = await ask(context, asked.data);
    if ("id" in done) redirect(context.res, answerUrl(done.id, asked.data.next));
    else refused(context, done);
  };

  const answer = async (context: RouteContext): Promise<void> => {
    const { res, req, params, actor, frame } = context;
    const next = nextOf(context);
    const isId = z.uuid().safeParse(params.id).success;
    const asked = isId
      ? await waitForAnswer(parts, actor, params.id ?? "", () => req.socket.destroyed)
      : ({ state: "unknown" } as const);
    if (asked.state === "unknown")
      return sendPage(res, 404, page("Nothing asked", `<p>You asked nothing of that kind.</p>`, frame));
    if (asked.state === "pending") {
      res.setHeader("refresh", pendingRefreshSec);
      const body = `<p>It is being done; nothing is lost. This page follows by itself.</p><p>${back(next, "Back")}</p>`;
      return sendPage(res, 200, page("Being done", body, frame));
    }
    const scene = { ...frame, forms: { ...frame.forms, next } };
    const body = `<div class="answer${asked.ok ? "" : " refused"}" role="${asked.ok ? "status" : "alert"}">${messageHtml(asked, scene)}</div><p>${back(next, "Back")}</p>`;
    sendPage(res, asked.ok ? 200 : 409, page(asked.ok ? "Answer" : "Not done", body, frame));
  };

  return [
    {
      method: "POST",
      path: "/do",
      about: "Does a line of the command grammar; what a button on a page sends.",
      role: "anyone",
      handle: press,
    },
    {
      method: "GET",
      path: "/do/:id",
      about: "The answer to what one asked.",
      role: "anyone",
      handle: answer,
    },
    {
      method: "GET",
      path: "/form",
      about: "A line shown before it is done: the inputs of its form, or what it would do.",
      role: "anyone",
      handle: show,
    },
    {
      method: "POST",
      path: "/form",
      about: "Does the line made of a form's inputs.",
      role: "anyone",
      handle: submit,
    },
  ];
}

const noForm: Refusal = {
  rule: "known-form",
  message: "There is no such form.",
  hint: "Open the page again: it may be older than this release.",
  whoCould: [],
};
const nothingAsked: Refusal = {
  rule: "something-asked",
  message: "Nothing was asked, or the form was not whole.",
  hint: "Open the page again and retry.",
  whoCould: [],
};

const answerUrl = (id: string, next: string): string =>
  `/do/${id}?${new URLSearchParams({ next: localPath(next) })}`;

/** Where to go back to: a path of ours. */
const nextOf = ({ url, form }: RouteContext): string => {
  const next = localPath(form.next ?? url.searchParams.get("next") ?? "/console");
  return next === "/" ? "/console" : next;
};

const back = (next: string, label: string, kind = ""): string =>
  `<a${kind === "" ? "" : ` class="${kind}"`} href="${escapeHtml(next)}">${escapeHtml(label)}</a>`;

const digest = (parts: readonly string[]): string =>
  createHash("sha256").update(JSON.stringify(parts)).digest("hex");
