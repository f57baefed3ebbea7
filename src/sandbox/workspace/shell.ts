/** The page: one shell and the files it loads, nothing inline, nothing from elsewhere. */
import { readFileSync } from "node:fs";
import type { ServerResponse } from "node:http";
import { fileURLToPath } from "node:url";
import type { Desk } from "./desk.ts";
import { imageTypeOf } from "./files.ts";

const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const pageHeaders: Readonly<Record<string, string>> = {
  "content-security-policy": policy,
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "cache-control": "no-cache",
};

const script = "text/javascript; charset=utf-8";
const assets: Readonly<Record<string, string>> = {
  "workspace.js": script,
  "blocks.js": script,
  "composer.js": script,
  "dom.js": script,
  "markdown.js": script,
  "messages.js": script,
  "modal.js": script,
  "mrkdwn.js": script,
  "richtext.js": script,
  "tour.js": script,
  "workspace.css": "text/css; charset=utf-8",
};

export function serveShell(desk: Desk, res: ServerResponse): void {
  res.writeHead(200, { ...pageHeaders, "content-type": "text/html; charset=utf-8" });
  res.end(shellOf(desk.options.teamName));
}

/** False when there is no such file. */
export function serveAsset(name: string, res: ServerResponse): boolean {
  const type = assets[name];
  if (type === undefined) return false;
  const path = fileURLToPath(new URL(`./page/${name}`, import.meta.url));
  res.writeHead(200, { ...pageHeaders, "content-type": type });
  res.end(readFileSync(path));
  return true;
}

export function serveFile(desk: Desk, id: string, res: ServerResponse): boolean {
  const bytes = desk.files.bytes(id);
  if (!bytes) return false;
  const type = imageTypeOf(bytes);
  res.writeHead(200, {
    ...pageHeaders,
    "content-type": type ?? "application/octet-stream",
    "cache-control": "private, max-age=86400",
    ...(type === undefined ? { "content-disposition": "attachment" } : {}),
  });
  res.end(bytes);
  return true;
}

function shellOf(teamName: string): string {
  const name = teamName.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${name}</title>
<link rel="stylesheet" href="/workspace/workspace.css">
<link rel="icon" href="data:,">
<script type="module" src="/workspace/workspace.js"></script>
</head>
<body>
<div id="app">
  <header id="top">
    <button id="menu" class="icon" aria-label="Channels" aria-expanded="false">☰</button>
    <strong id="team">${name}</strong>
    <span class="grow"></span>
    <span id="offline" role="status" hidden>reconnecting…</span>
    <label id="actas">Act as <select id="actor" aria-label="Act as"></select></label>
    <button id="tour-toggle" class="icon" aria-label="Tour" aria-expanded="true">?</button>
  </header>
  <nav id="sidebar" aria-label="Channels"></nav>
  <main id="room">
    <div id="room-head"><h1 id="room-name"></h1><span id="room-topic"></span></div>
    <div id="messages" role="log" aria-live="polite" tabindex="0"></div>
    <form id="composer" class="composer"></form>
  </main>
  <aside id="thread" aria-label="Thread" hidden>
    <div id="thread-head"><h2>Thread</h2><button id="thread-close" class="icon" aria-label="Close thread">×</button></div>
    <div id="thread-messages" role="log" aria-live="polite" tabindex="0"></div>
    <form id="thread-composer" class="composer"></form>
  </aside>
  <aside id="tour" aria-label="Tour"></aside>
</div>
<div id="overlay" hidden></div>
<noscript>The local workspace needs JavaScript.</noscript>
</body>
</html>
`;
}
