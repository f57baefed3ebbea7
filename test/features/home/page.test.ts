import { expect, it } from "vitest";
import { consoleHome } from "../../../src/features/home/page.ts";
import type { Feature, Route } from "../../../src/platform/feature.ts";

const routeTo = (path: string, method: Route["method"] = "GET"): Route => ({
  method,
  path,
  about: `About ${path} & more.`,
  role: "anyone",
  handle: async () => undefined,
});

it("signing in leads to a list of the pages that need nothing named", async () => {
  const room: Feature = {
    name: "slos",
    about: "Budgets.",
    routes: [routeTo("/slo"), routeTo("/slo/:service"), routeTo("/press", "POST")],
  };
  const home = consoleHome(() => [room, { name: "home", about: "Home.", routes: [routeTo("/console")] }]);
  const sent: string[] = [];
  const res = { writeHead: () => res, setHeader: () => res, end: (body: string) => void sent.push(body) };
  await home.handle({ res } as unknown as Parameters<typeof home.handle>[0]);
  const html = sent.join("");
  expect(home.path).toBe("/console");
  expect(html).toContain('<a href="/slo">About /slo &amp; more.</a>');
  expect(html.match(/<li>/g)).toHaveLength(1);
});
