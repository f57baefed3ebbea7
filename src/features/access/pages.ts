/** The requester's page: what was approved, the claim, and the secret once. GET changes nothing. */
import type { ServerResponse } from "node:http";
import { formatDuration } from "../../platform/commands/time.ts";
import type { Route, RouteContext } from "../../platform/feature.ts";
import { cardAndThread, cardHtml } from "../../platform/http/cards.ts";
import { escapeHtml } from "../../platform/http/console.ts";
import { type Frame, live, page } from "../../platform/http/page.ts";
import { redirect, sendPage } from "../../platform/http/server.ts";
import { parseIdOf } from "../../platform/ids.ts";
import { messagesOf } from "../../platform/messages/shown.ts";
import { type Refusal, refusalText } from "../../platform/refusal.ts";
import { cardKeyOf, requesterKeyOf } from "./cards.ts";
import { claimGrant, ownGrant, type Revealed, revealSecret } from "./claim.ts";
import { countedApprovals, type Grant, type GrantId, sameWho, secretLifeMs } from "./model.ts";
import { leadOf, type Room, whoOf } from "./room.ts";
import { readGrant } from "./store.ts";
import { ownAccountText, useOf } from "./use.ts";
import { basisText, clockText, durationText, nameOf, spanText, standing } from "./words.ts";

const refreshSec = { waiting: 5, going: 1 };

export function accessPages(room: Room): Route[] {
  const { clock, catalogs } = room.platform;

  const show = async ({ params, actor, res, csrf, frame }: RouteContext): Promise<void> => {
    const id = parseIdOf("grant", params.id ?? "");
    if (id === undefined) return refused(res, unknown(params.id ?? ""));
    const asked = await readGrant(room.platform.database.db, id);
    if (
      asked &&
      !sameWho(asked.requester, whoOf(actor)) &&
      (await leadOf(room, asked, actor, { isFresh: false })).ok
    )
      return showToApprover(room, asked, frame, res);
    const own = await ownGrant(room, id, actor);
    if (!own.ok) return refused(res, own.refusal);
    const grant = own.value;
    const { is } = grant.state;
    if (is === "requested") res.setHeader("refresh", refreshSec.waiting);
    if (is === "granting") res.setHeader("refresh", refreshSec.going);
    const catalog = catalogs.current();
    const facts: [string, string][] = [
      ["What", `${grant.role} on ${grant.resource}: ${grant.terms.grants}`],
      ["Reason", grant.reason],
      ["How long", howLong(grant)],
      [
        "Approved by",
        countedApprovals(grant)
          .map(({ by }) => nameOf(catalog, by))
          .join(", ") || (grant.basis.is === "approval" ? "nobody yet" : `nobody: ${basisText(grant.basis)}`),
      ],
    ];
    const list = facts.map(([name, value]) => `<dt>${name}</dt><dd>${escapeHtml(value)}</dd>`).join("");
    const words = standing(catalog, grant, whoOf(actor));
    const note = requesterKeyOf(id);
    const told = (await messagesOf(room.platform.database.db, [note])).get(note);
    sendPage(
      res,
      200,
      page(
        `${grant.id} ${grant.resource} ${grant.role}`,
        `<dl>${list}</dl>${stateHtml(grant, csrf, clock.now(), (at) => clockText(catalog, whoOf(actor), at), words)}${told ? live("note", note, cardHtml(told, frame)) : ""}`,
        frame,
      ),
    );
  };

  const claim = async ({ params, actor, res }: RouteContext): Promise<void> => {
    const id = parseIdOf("grant", params.id ?? "");
    if (id === undefined) return refused(res, unknown(params.id ?? ""));
    const claimed = await claimGrant(room, id, actor);
    if (!claimed.ok) return refused(res, claimed.refusal);
    redirect(res, `/access/${id}`);
  };

  const reveal = async ({ params, actor, res, frame }: RouteContext): Promise<void> => {
    const id = parseIdOf("grant", params.id ?? "");
    if (id === undefined) return refused(res, unknown(params.id ?? ""));
    const revealed = await revealSecret(room, id, actor);
    if (!revealed.ok) return refused(res, revealed.refusal);
    const kind = (await readGrant(room.platform.database.db, id))?.terms.accessor.kind ?? "";
    sendPage(
      res,
      200,
      page(`${id}: shown once`, secretHtml(id, useOf(kind, revealed.value), revealed.value), frame),
    );
  };

  return [
    {
      method: "GET",
      path: "/access/:id",
      about: "A request or grant: for the one who asked, to claim; for who decides, with its verbs.",
      role: "anyone",
      thing: "G",
      handle: show,
    },
    {
      method: "POST",
      path: "/access/:id/claim",
      about: "Claims an approved request; its clock starts.",
      role: "anyone",
      handle: claim,
    },
    {
      method: "POST",
      path: "/access/:id/reveal",
      about: "Shows what a grant's person needs to get in, once.",
      role: "anyone",
      handle: reveal,
    },
  ];
}

/** Who decides sees the card as the leads' channel does, its verbs with it; never what the grant's person is shown. */
async function showToApprover(
  { platform }: Room,
  grant: Grant,
  frame: Frame,
  res: ServerResponse,
): Promise<void> {
  const key = cardKeyOf(grant.id);
  const { card, thread } = await cardAndThread(platform.database.db, key, frame, "It has no card.");
  const title = `${grant.id} ${grant.resource} ${grant.role}`;
  sendPage(res, 200, page(title, live("card", key, card + thread), frame));
}

const unknown = (id: string): Refusal => ({
  rule: "known-grant",
  message: `There is no grant ${id.slice(0, 20)}.`,
  hint: "",
  whoCould: [],
});

const statusOf: Readonly<Record<string, number>> = {
  "known-grant": 404,
  "requester-only": 403,
  "shown-once": 410,
  "shown-in-time": 410,
};

function refused(res: ServerResponse, refusal: Refusal): void {
  const text = refusalText({ ...refusal, whoCould: [] });
  sendPage(res, statusOf[refusal.rule] ?? 409, page("Not now", `<p>${escapeHtml(text)}</p>`));
}

function howLong(grant: Grant): string {
  const { state } = grant;
  return "durationMs" in state
    ? durationText(state.durationMs, grant.askedMs)
    : formatDuration(grant.askedMs);
}

function stateHtml(
  grant: Grant,
  csrf: string,
  now: Date,
  clockOf: (at: Date) => string,
  words: string,
): string {
  const { state, id } = grant;
  switch (state.is) {
    case "requested":
      return `<p>It waits for approval. This page follows by itself.</p>`;
    case "approved":
      if (now < state.claimFrom)
        return `<p>Approved. It can be claimed from ${clockOf(state.claimFrom)} on.</p>`;
      return `<p>Approved. Your ${formatDuration(state.durationMs)} begin when you claim it; claim it before ${clockOf(state.claimBy)}.</p>${form(id, "claim", csrf, "Claim it")}`;
    case "granting":
      return state.trouble
        ? `<p>It cannot be made yet: ${escapeHtml(state.trouble.message)}. I keep trying until ${clockOf(state.endsAt)}.</p>`
        : "<p>It is being made. This page follows by itself.</p>";
    case "active":
      return `<p>It is yours until ${clockOf(state.endsAt)}: ${spanText(state.endsAt.getTime() - now.getTime())} left.${lastsHtml(state, clockOf)}</p>${activeHtml(grant, state, csrf, clockOf)}`;
    case "revoking":
    case "ended":
    case "denied":
    case "lapsed":
    case "withdrawn":
      return `<p>${escapeHtml(words)}.</p>`;
  }
}

type Active = Extract<Grant["state"], { is: "active" }>;

const lastsHtml = ({ lastsUntil, endsAt }: Active, clockOf: (at: Date) => string): string =>
  lastsUntil && lastsUntil > endsAt
    ? ` What you are handed may last until ${clockOf(lastsUntil)}: its system cannot recall it earlier.`
    : "";

function activeHtml(
  { id, terms }: Grant,
  state: Active,
  csrf: string,
  clockOf: (at: Date) => string,
): string {
  const early = `Done early? <code>/ops access return ${id}</code>`;
  if (state.ownAccount) return `<p>${escapeHtml(ownAccountText(terms.accessor.kind))} ${early}</p>`;
  if (state.revealedAt === null)
    return `${form(id, "reveal", csrf, "Show what you need to get in")}<p>It is shown once, within ${secretLifeMs / 60_000} minutes. ${early}</p>`;
  return `<p>What you need was shown at ${clockOf(state.revealedAt)} and is kept nowhere. For a new one return it and ask again: <code>/ops access return ${id}</code></p>`;
}

const form = (id: GrantId, verb: string, csrf: string, label: string): string =>
  `<form method="post" action="/access/${id}/${verb}"><input type="hidden" name="csrf" value="${escapeHtml(csrf)}"><button class="primary">${label}</button></form>`;

function secretHtml(id: GrantId, steps: readonly string[], parts: Revealed): string {
  const rows = parts.map(({ id: name, label, value, fileName }) => {
    const secret = `data-secret="${escapeHtml(name)}">${escapeHtml(value)}`;
    const shown = value.includes("\n") ? `<pre ${secret}</pre>` : `<code ${secret}</code>`;
    const file = fileName === undefined ? "" : ` <small>save as ${escapeHtml(fileName)}</small>`;
    return `<dt>${escapeHtml(label)}${file}</dt><dd>${shown}</dd>`;
  });
  const use = steps.map((step) => `<li>${escapeHtml(step)}</li>`).join("");
  return `<p>Copy it now: it is shown this once and kept nowhere.</p><dl>${rows.join("")}</dl><h2>How to use it</h2><ol>${use}</ol><p><a href="/access/${id}">Back to ${id}</a></p>`;
}
