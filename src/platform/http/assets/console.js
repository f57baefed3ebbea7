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

let isLoading = false;
let isStale = false;

async function refresh() {
  if (isLoading || document.hidden) {
    isStale = true;
    return;
  }
  isLoading = true;
  isStale = false;
  try {
    const answer = await fetch(location.href, { headers: { accept: "text/html" } });
    if (answer.ok) swap(new DOMParser().parseFromString(await answer.text(), "text/html"));
  } finally {
    isLoading = false;
    if (isStale && !document.hidden) setTimeout(refresh, 500);
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

if (topics.length > 0) {
  const query = new URLSearchParams(topics.map((topic) => ["topic", topic]));
  const source = new EventSource(`/events?${query}`);
  source.addEventListener("changed", refresh);
  // The session is over: reading again leads to signing in.
  source.addEventListener("ended", () => {
    source.close();
    location.reload();
  });
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && isStale) refresh();
  });
  addEventListener("pagehide", () => source.close());
}
