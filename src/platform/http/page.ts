/** A console page. `body` is HTML made by us: whatever comes from outside in it went through {@link escapeHtml}. */
export function page(title: string, body: string): string {
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)} · Quarterdeck</title><link rel="stylesheet" href="/console.css"></head>
<body><header><a href="/console">Quarterdeck</a></header><main><h1>${escapeHtml(title)}</h1>${body}</main></body></html>`;
}

export const stylesheet = `:root{color-scheme:light dark;--edge:#8884;--accent:#1264a3}
body{margin:0;font:16px/1.5 system-ui,sans-serif}header{padding:.8rem 1.2rem;border-bottom:1px solid var(--edge);font-weight:700}
header a{color:inherit;text-decoration:none}main{max-width:56rem;margin:0 auto;padding:1rem 1.2rem}
h1{font-size:1.4rem}table{border-collapse:collapse;width:100%;display:block;overflow-x:auto}td,th{padding:.35rem .6rem;border-bottom:1px solid var(--edge);text-align:left;vertical-align:top}
code,pre{font:14px/1.4 ui-monospace,monospace;background:#8882;border-radius:4px;padding:.1rem .3rem;overflow-wrap:anywhere}
button{font:inherit;padding:.5rem 1.1rem;border-radius:6px;border:1px solid var(--edge);cursor:pointer}
button.primary{background:var(--accent);color:#fff;border-color:var(--accent)}:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
img.chart{max-width:100%;height:auto;border-radius:6px}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.3rem 1rem}dt{font-weight:600}dd{margin:0;overflow-wrap:anywhere}`;

export function escapeHtml(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("'", "&#39;");
}
