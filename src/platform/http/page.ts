/** The frame all pages of the console share: where one is, who one is, where else one can go. */
import type { FormParts, Scene } from "../messages/html.ts";
import { escapeHtml } from "./escape.ts";

export { escapeHtml } from "./escape.ts";

export interface NavItem {
  path: string;
  label: string;
}

/** What a page knows of who reads it; made for each request. */
export interface Frame extends Scene {
  forms: FormParts;
  /** Name of who is signed in. */
  person: string;
  /** Path of this page. */
  path: string;
  nav: readonly NavItem[];
}

/**
 * A console page. `body` is HTML made by us: whatever comes from outside in it went through {@link escapeHtml}. Without
 * a frame, for those who are not signed in.
 */
export function page(title: string, body: string, frame?: Frame): string {
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">
<title>${escapeHtml(title)} · Quarterdeck</title><link rel="stylesheet" href="/console.css">${frame ? '<script type="module" src="/console.js"></script>' : ""}</head>
<body><a class="skip" href="#main">Skip to the content</a>${frame ? headOf(frame) : plainHead}<main id="main" tabindex="-1"><h1>${escapeHtml(title)}</h1>${body}</main></body></html>`;
}

const plainHead = '<header><a class="home" href="/console">Quarterdeck</a></header>';

function headOf({ nav, path, person, forms }: Frame): string {
  const current = currentOf(nav, path);
  const items = nav.map(
    (item) =>
      `<li><a href="${escapeHtml(item.path)}"${item === current ? ` aria-current="${item.path === path ? "page" : "true"}"` : ""}>${escapeHtml(item.label)}</a></li>`,
  );
  return `<header><a class="home" href="/console">Quarterdeck</a><nav aria-label="Pages"><ul>${items.join("")}</ul></nav><div class="who"><span>${escapeHtml(person)}</span><form method="post" action="/sign-out"><input type="hidden" name="csrf" value="${escapeHtml(forms.csrf)}"><button class="quiet">Sign out</button></form></div></header>`;
}

/** The entry whose path this page stands at or below; the longest such. */
function currentOf(nav: readonly NavItem[], path: string): NavItem | undefined {
  return nav
    .filter((item) => path === item.path || path.startsWith(`${item.path}/`))
    .sort((a, b) => b.path.length - a.path.length)[0];
}
/** A part of a page that is brought up to date by itself while `topic` changes. Ids are unique on a page. */
export const live = (id: string, topic: string, html: string): string =>
  `<section id="${escapeHtml(id)}" data-live="${escapeHtml(topic)}">${html}</section>`;
