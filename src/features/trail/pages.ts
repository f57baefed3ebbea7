/** The console's page of the audit: searched, paged by numbers, and its reading audited. */
import type { Catalog } from "../../catalog/schema.ts";
import { parseDuration } from "../../platform/commands/time.ts";
import type { Route } from "../../platform/feature.ts";
import { escapeHtml, type Frame, page } from "../../platform/http/page.ts";
import { sendPage } from "../../platform/http/server.ts";
import { escapeText } from "../../platform/messages/blocks.ts";
import { momentHtml, mrkdwnHtml } from "../../platform/messages/mrkdwn-html.ts";
import type { Platform } from "../../platform/platform.ts";
import type { AuditLine } from "./model.ts";
import type { AuditQuestion, ReadAudit } from "./read.ts";

const rowsMax = 50;
const wordCharsMax = 200;
const spans = ["1h", "24h", "7d", "30d", "90d"];

export function trailPages({ catalogs }: Pick<Platform, "catalogs">, read: ReadAudit): Route[] {
  return [
    {
      method: "GET",
      path: "/audit",
      about: "The audit: who did what, when and why, searched.",
      role: "anyone",
      nav: { label: "Audit", order: 70 },
      async handle({ res, url, actor, frame }) {
        const catalog = catalogs.current();
        const asked = askedIn(url.searchParams);
        const { question, problem } = questionOf(catalog, asked);
        const { lines, next } =
          problem === undefined ? await read(actor, question, beforeIn(url)) : { lines: [], next: undefined };
        const older =
          next === undefined
            ? ""
            : `<p><a class="button" href="${escapeHtml(olderUrl(url, next))}">Older</a></p>`;
        const shown =
          problem !== undefined
            ? `<p class="error" role="alert">${escapeHtml(problem)}</p>`
            : lines.length === 0
              ? "<p>Nothing was done there.</p>"
              : `<ol class="lines" reversed>${lines.map((line) => lineHtml(line, frame)).join("")}</ol>`;
        sendPage(
          res,
          problem === undefined ? 200 : 422,
          page(
            "Audit",
            `${searchHtml(catalog, asked)}${shown}${older}<p class="context">Reading the audit is audited.</p>`,
            frame,
          ),
        );
      },
    },
  ];
}

interface Asked {
  q: string;
  subject: string;
  service: string;
  person: string;
  action: string;
  since: string;
}

function askedIn(query: URLSearchParams): Asked {
  const word = (name: string): string => (query.get(name) ?? "").trim().slice(0, wordCharsMax);
  return {
    q: word("q"),
    subject: word("subject"),
    service: word("service"),
    person: word("person"),
    action: word("action"),
    since: word("since"),
  };
}

/** A person is a Slack id of the catalog, or of somebody it no longer knows. */
function questionOf(catalog: Catalog, asked: Asked): { question: AuditQuestion; problem?: string } {
  const sinceMs = asked.since === "" ? undefined : parseDuration(asked.since);
  const known = catalog.people.find(({ slack }) => Object.values(slack).includes(asked.person));
  const people =
    asked.person === ""
      ? undefined
      : known
        ? Object.entries(known.slack).map(([team, person]) => ({ team, person }))
        : ["-", ...catalog.organisation.slackTeams].map((team) => ({ team, person: asked.person }));
  return {
    question: {
      text: asked.q || undefined,
      subject: asked.subject || undefined,
      service: asked.service || undefined,
      action: asked.action || undefined,
      people,
      sinceMs,
      limit: rowsMax,
    },
    ...(asked.since !== "" && sinceMs === undefined
      ? { problem: `"${asked.since}" is not a time. Write 24h or 7d.` }
      : {}),
  };
}

function beforeIn(url: URL): number | undefined {
  const text = url.searchParams.get("before") ?? "";
  return /^[1-9][0-9]{0,14}$/.test(text) ? Number(text) : undefined;
}

function olderUrl(url: URL, before: number): string {
  const query = new URLSearchParams(url.searchParams);
  query.set("before", String(before));
  return `${url.pathname}?${query}`;
}

function searchHtml(catalog: Catalog, asked: Asked): string {
  const text = (name: keyof Asked, label: string, hint: string): string =>
    `<div><label for="${name}">${label}</label><input type="search" id="${name}" name="${name}" value="${escapeHtml(asked[name])}" placeholder="${hint}" autocomplete="off"></div>`;
  const people = catalog.people.flatMap(({ name, slack }) => {
    const [id] = Object.values(slack);
    return id === undefined ? [] : [{ value: id, label: name }];
  });
  const services = catalog.services.map(({ name }) => ({ value: name, label: name }));
  const times = [...new Set([...spans, ...(asked.since === "" ? [] : [asked.since])])].map((value) => ({
    value,
    label: `last ${value}`,
  }));
  return [
    '<form class="search" method="get" action="/audit" role="search">',
    text("q", "Begins with", "G-12, a name, an action"),
    text("subject", "Exactly about", "R-12"),
    text("action", "Action", "rollout, access.approved"),
    selectHtml("service", "Service", "any", services, asked.service),
    selectHtml(
      "person",
      "Person",
      "anybody",
      [...people, { value: "quarterdeck", label: "Quarterdeck" }],
      asked.person,
    ),
    selectHtml("since", "Time", "all that is kept", times, asked.since),
    '<div><button class="primary">Search</button> <a class="button" href="/audit">Everything</a></div></form>',
  ].join("");
}

function selectHtml(
  name: keyof Asked,
  label: string,
  none: string,
  options: readonly { value: string; label: string }[],
  chosen: string,
): string {
  const known =
    options.some(({ value }) => value === chosen) || chosen === ""
      ? options
      : [...options, { value: chosen, label: chosen }];
  return `<div><label for="${name}">${label}</label><select id="${name}" name="${name}"><option value="">${none}</option>${known
    .map(
      ({ value, label: shown }) =>
        `<option value="${escapeHtml(value)}"${value === chosen ? " selected" : ""}>${escapeHtml(shown)}</option>`,
    )
    .join("")}</select></div>`;
}

function lineHtml(line: AuditLine, frame: Frame): string {
  const who =
    line.person === "quarterdeck"
      ? "Quarterdeck"
      : (line.name ?? frame.names.person(line.person) ?? line.person);
  const details: [string, string | undefined][] = [
    ["Through", line.door],
    ["Service", line.service],
    ["Before", line.before],
    ["After", line.after],
    ["Detail", line.detail && JSON.stringify(line.detail)],
    ["Catalog", line.catalog],
    ["Correlation", line.correlation],
    ["Stored", line.body],
    ["Hash", line.hash?.toString("hex")],
  ];
  const shown = details.flatMap(([name, value]) =>
    value === undefined || value === "" ? [] : [`<dt>${name}</dt><dd>${escapeHtml(value)}</dd>`],
  );
  const why = line.reason ? `: ${escapeHtml(line.reason)}` : "";
  return `<li value="${line.seq}">${momentHtml(line.at, frame)} ${escapeHtml(who)} <strong>${escapeHtml(line.action)}</strong> ${mrkdwnHtml(escapeText(line.subject), frame)}${why}<details><summary>Entry ${line.seq}</summary><dl>${shown.join("")}</dl></details></li>`;
}
