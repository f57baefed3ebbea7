import {
  type ApiToken,
  createApiToken,
  lifeMinutes,
  listApiTokens,
  revokeApiToken,
} from "../../platform/apitokens.ts";
import { apiScopes, type Route, type RouteContext } from "../../platform/feature.ts";
import { escapeHtml, page } from "../../platform/http/page.ts";
import { redirect, sendPage } from "../../platform/http/server.ts";
import type { Platform } from "../../platform/platform.ts";
import { refusalText } from "../../platform/refusal.ts";

const path = "/console/tokens";
const lives = [15, 60, 240, lifeMinutes.max];

export function tokenPages({ database, catalogs, clock, box, publicUrl }: Platform): Route[] {
  const teams = () => catalogs.current().teams.map(({ name }) => name);

  const show = async ({ res, actor, csrf, frame }: RouteContext): Promise<void> => {
    const now = clock.now();
    const tokens = (await listApiTokens(database.db, actor)).filter(
      ({ revokedAt, expiresAt }) => revokedAt === null && expiresAt > now,
    );
    const rows = tokens.map((token) => rowOf(token, csrf)).join("");
    const table = rows
      ? `<table><caption>Yours, valid now</caption><thead><tr><th scope="col">Token</th><th scope="col">For</th><th scope="col">May</th><th scope="col">Until (UTC)</th><th scope="col">Last used (UTC)</th><th scope="col">End it</th></tr></thead><tbody>${rows}</tbody></table>`
      : "<p>You have none that is valid now.</p>";
    sendPage(
      res,
      200,
      page(
        "Tokens",
        `<p>A token lets a program ask at <code>${escapeHtml(publicUrl)}/api/v1</code> with your rights or a part of them. <a href="/api/v1/openapi.json">What it may ask</a></p>${table}${formOf(csrf, teams())}`,
        frame,
      ),
    );
  };

  const make = async ({ res, actor, form, frame }: RouteContext): Promise<void> => {
    const made = await createApiToken(
      database,
      actor,
      { team: actor.team, person: actor.person },
      {
        scopes: apiScopes.filter((scope) => form[`scope ${scope}`] === "on"),
        teams: form.team ? [form.team] : undefined,
        minutes: Number(form.minutes),
        note: form.note?.trim() ?? "",
      },
      teams(),
      box,
    );
    if (!made.ok) {
      const body = `<p>${escapeHtml(refusalText(made.refusal))}</p><p><a href="${path}">Back</a></p>`;
      return sendPage(res, 409, page("No token was made", body, frame));
    }
    const { id, token, expiresAt } = made.value;
    const body = `<p>Copy it now: it is shown this once and kept nowhere. It works until ${expiresAt.toISOString().slice(0, 16).replace("T", " ")} UTC.</p><dl><dt>${id}</dt><dd><code data-secret="token">${escapeHtml(token)}</code></dd></dl><p><a href="${path}">Back to the tokens</a></p>`;
    sendPage(res, 200, page(`${id}: shown once`, body, frame));
  };

  const end = async ({ res, params, actor, frame }: RouteContext): Promise<void> => {
    const ended = await revokeApiToken(database, actor, params.id ?? "", actor);
    if (ended.ok) return redirect(res, path);
    sendPage(res, 404, page("No such token", `<p>${escapeHtml(refusalText(ended.refusal))}</p>`, frame));
  };

  return [
    {
      method: "GET",
      path,
      about: "Your tokens of the HTTP API.",
      role: "anyone",
      nav: { label: "Tokens", order: 90 },
      handle: show,
    },
    { method: "POST", path, about: "Makes a token and shows it once.", role: "anyone", handle: make },
    {
      method: "POST",
      path: `${path}/:id/end`,
      about: "Ends a token of yours.",
      role: "anyone",
      handle: end,
    },
  ];
}

const timeOf = (at: Date | null): string => at?.toISOString().slice(0, 16).replace("T", " ") ?? "never";

const rowOf = (token: ApiToken, csrf: string): string =>
  `<tr><td>${token.id}</td><td>${escapeHtml(token.note || "–")}</td><td>${escapeHtml([...token.scopes, ...(token.teams ?? [])].join(", "))}</td><td>${timeOf(token.expiresAt)}</td><td>${timeOf(token.lastUsedAt)}</td><td><form method="post" action="${path}/${token.id}/end"><input type="hidden" name="csrf" value="${escapeHtml(csrf)}"><button aria-label="End ${token.id}">End</button></form></td></tr>`;

const scopeWords = {
  read: "look at rollouts, tickets and access",
  act: "do what I may do, by commands",
  "audit:read": "read the audit",
} as const;

function formOf(csrf: string, teams: readonly string[]): string {
  const scopes = apiScopes
    .map(
      (scope) =>
        `<p><label><input type="checkbox" name="scope ${scope}"${scope === "read" ? " checked" : ""}> <code>${scope}</code>: ${scopeWords[scope]}</label></p>`,
    )
    .join("");
  const options = (values: readonly (readonly [string, string])[]) =>
    values
      .map(([value, words]) => `<option value="${escapeHtml(value)}">${escapeHtml(words)}</option>`)
      .join("");
  const life = options(
    lives.map(
      (minutes) => [String(minutes), minutes < 60 ? `${minutes} minutes` : `${minutes / 60} hours`] as const,
    ),
  );
  const team = options([["", "all teams"] as const, ...teams.map((name) => [name, `${name} only`] as const)]);
  return `<h2>Make one</h2><form method="post" action="${path}"><input type="hidden" name="csrf" value="${escapeHtml(csrf)}"><fieldset><legend>It may</legend>${scopes}</fieldset><p><label>For the things of <select name="team">${team}</select></label></p><p><label>It works for <select name="minutes">${life}</select></label></p><p><label>What it is for <input name="note" maxlength="100"></label></p><button class="primary">Make a token</button></form>`;
}
