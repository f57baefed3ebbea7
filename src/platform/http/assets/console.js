/**
 * Keeps the parts of a page that say so (`data-live`) up to date. Without it the page works and shows what was when it
 * was opened.
 */
const regions = () => [...document.querySelectorAll("[data-live]")];
const topics = [...new Set(regions().map((region) => region.dataset.live))];

/** Somebody is at it: a form that is being filled in or confirmed is not taken away under their hands. */
const isInUse = (region) =>
  region.querySelector("details.confirm[open]") !== null ||
  (region.contains(document.activeElement) && document.activeElement.matches("input, textarea, select"));

const readAgainAfterMs = 1_500;
let isLoading = false;
/** Something changed while the page was being read. */
let isMissed = false;
/** The page was opened a while ago: something may have changed since. */
let isStale = false;

async function refresh() {
  if (isLoading) {
    isMissed = true;
    return;
  }
  isLoading = true;
  isMissed = false;
  try {
    const answer = await fetch(location.href, { headers: { "x-quarterdeck-refresh": "1" } });
    if (answer.ok) swap(new DOMParser().parseFromString(await answer.text(), "text/html"));
  } finally {
    // A storm of changes is read once in a while, not once for each.
    setTimeout(() => {
      isLoading = false;
      if (isMissed) refresh();
    }, readAgainAfterMs);
  }
}

function swap(fresh) {
  for (const region of regions()) {
    const next = fresh.getElementById(region.id);
    if (next === null || isInUse(region)) continue;
    const focused = pathTo(region, document.activeElement);
    region.replaceChildren(...document.adoptNode(next).childNodes);
    if (focused !== undefined) at(region, focused)?.focus({ preventScroll: true });
  }
}

/** Where a focused element stands in its region, so that the keyboard stays where it was. */
function pathTo(region, element) {
  if (element === null || !region.contains(element) || element === region) return undefined;
  return [...region.querySelectorAll("a, button, summary")].indexOf(element);
}
const at = (region, index) => [...region.querySelectorAll("a, button, summary")][index];

let source = null;

/** Only a tab that is looked at is told: a browser opens few connections to one host. */
function listen() {
  source?.close();
  source = null;
  if (topics.length === 0 || document.hidden) return;
  const query = new URLSearchParams(topics.map((topic) => ["topic", topic]));
  source = new EventSource(`/events?${query}`);
  source.addEventListener("changed", refresh);
  // The session is over: reading again leads to signing in.
  source.addEventListener("ended", () => {
    source.close();
    location.reload();
  });
  // What happened while nobody listened.
  source.addEventListener("open", () => {
    if (isStale) refresh();
    isStale = true;
  });
}

listen();
document.addEventListener("visibilitychange", listen);
addEventListener("pagehide", () => source?.close());
