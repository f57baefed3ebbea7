import { escapeHtml, page } from "../../platform/http/page.ts";
import type { LocalPerson, Seat } from "./issuer.ts";

/** "Who are you?": the one who sits there first. While nobody does, the workspace is where one sits down. */
export function picker(asked: {
  query: URLSearchParams;
  people: readonly LocalPerson[];
  seat: Seat | undefined;
}): string {
  const { query, seat } = asked;
  if (!seat)
    return page(
      "Local sign-in",
      '<p>Pick a person in the <a href="/">local workspace</a> first, then come back.</p>',
    );
  const people = [...asked.people].sort(
    (a, b) => Number(b.id === seat.userId) - Number(a.id === seat.userId),
  );
  const buttons = people
    .map(
      ({ id, realName, title }) =>
        `<p><button${id === seat.userId ? ' class="primary"' : ""} name="person" value="${escapeHtml(id)}">${escapeHtml(realName)}, ${escapeHtml(title)}</button></p>`,
    )
    .join("");
  return page(
    "Local sign-in: who are you?",
    `<form method="post" action="/workspace/oidc/authorize?${escapeHtml(query.toString())}"><input type="hidden" name="csrf" value="${escapeHtml(seat.csrf)}">${buttons}</form><p>This stands in for the company's identity provider. It asks for no password and answers this machine only.</p>`,
  );
}
