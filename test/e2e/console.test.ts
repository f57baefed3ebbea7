import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestApp, type TestApp } from "../support/app.ts";
import { ConsolePerson, formsIn, hrefOf, textOf } from "../support/console.ts";

let quarterdeck: TestApp;
let olive: ConsolePerson;
let lena: ConsolePerson;
let dev: ConsolePerson;
beforeAll(async () => {
  quarterdeck = await startTestApp();
  const at = async (id: string) => new ConsolePerson(quarterdeck.base, await quarterdeck.person(id));
  olive = await at("U0ONCALL");
  lena = await at("U0LEAD");
  dev = await at("U0DEV");
}, 60_000);
afterAll(() => quarterdeck?.close());

const form = (html: string, label: string) =>
  formsIn(html).find(({ labels }) => labels.includes(label))?.fields ?? {};
const rowsOf = (line: string) =>
  quarterdeck.app.database.db
    .selectFrom("inbox")
    .select(["id", "payload"])
    .where("payload", "@>", JSON.stringify({ line }))
    .execute();

describe("a command on a page", () => {
  it("is shown before it is done, done by its button, and its answer leads back", async () => {
    const asked = await lena.get("/form?line=freeze+start+shop+15m+moving+house&next=/slo");
    expect(asked.status).toBe(200);
    expect(textOf(asked.html)).toContain("freeze start shop 15m moving house");
    const answer = await lena.press(asked, "Do it");
    expect(answer.status).toBe(200);
    expect(textOf(answer.html)).toContain("F-1");
    expect(hrefOf(answer.html, "Back")).toBe("/slo");
    const audit = await quarterdeck.app.database.db
      .selectFrom("audit")
      .select(["person", "body"])
      .where("action", "like", "freeze.%")
      .execute();
    expect(audit.map(({ person, body }) => [person, JSON.parse(body).actor.door])).toEqual([
      ["U0LEAD", "console"],
    ]);
  });

  it("pressed twice on one page is done once and answered the same", async () => {
    const page = await lena.get("/form?line=freeze+start+payments+15m+twice");
    const [first, second] = await Promise.all([lena.press(page, "Do it"), lena.press(page, "Do it")]);
    expect(textOf(first.html)).toBe(textOf(second.html));
    expect(await rowsOf("freeze start payments 15m twice")).toHaveLength(1);
  });

  it("that is refused says the rule and who could, and nothing of it is kept", async () => {
    const page = await dev.get("/form?line=status+shop");
    const refused = await dev.post("/do", { ...form(page.html, "Do it"), line: "rollout start shop v99" });
    expect(refused.status).toBe(409);
    const nonsense = await dev.post("/do", { ...form(page.html, "Do it"), line: "frobnicate my-secret-9q" });
    expect(nonsense.status).toBe(409);
    expect(textOf(nonsense.html)).toContain("Rule: unknown-command");
    expect(await rowsOf("frobnicate my-secret-9q")).toEqual([]);
  });

  it("from another origin, or without the page's token, is not taken", async () => {
    const page = await lena.get("/form?line=freeze+start+shop+15m+forged");
    const fields = form(page.html, "Do it");
    expect(fields.line).toBe("freeze start shop 15m forged");
    expect((await lena.post("/do", fields, "https://evil.example")).status).toBe(403);
    expect((await lena.post("/do", { ...fields, csrf: "x" })).status).toBe(403);
    expect(await rowsOf("freeze start shop 15m forged")).toEqual([]);
  });

  it("leads back to our own pages only", async () => {
    for (const next of ["https://evil.example/", "//evil.example", "/\\evil.example"]) {
      const page = await olive.get(`/form?line=status+shop&next=${encodeURIComponent(next)}`);
      expect(hrefOf(page.html, "Back")).toBe("/console");
    }
  });

  it("is answered to who asked it alone", async () => {
    const page = await olive.get("/form?line=status+shop");
    await olive.press(page, "Do it");
    const [row] = await rowsOf("status shop");
    expect((await olive.get(`/do/${row?.id}`)).status).toBe(200);
    expect((await lena.get(`/do/${row?.id}`)).status).toBe(404);
    expect((await lena.get("/do/not-an-id")).status).toBe(404);
  });
});

describe("a form on a page", () => {
  it("makes the same line as in Slack", async () => {
    const page = await dev.get("/form?line=modal+access+request");
    expect(textOf(page.html)).toContain("Ask for access");
    const answer = await dev.press(page, "Ask", {
      "field.resource": "orders-db readonly",
      "field.time": "15m",
      "field.reason": 'INC-42 "stuck" --dry-run orders',
    });
    expect(textOf(answer.html)).toContain("G-1");
    const row = await quarterdeck.app.database.db
      .selectFrom("messages")
      .select("wanted")
      .where("key", "=", "access:G-1")
      .executeTakeFirst();
    expect(JSON.stringify(row?.wanted)).toContain("--dry-run orders");
  });

  it("sent with something wrong comes back with what was filled in and what is wrong", async () => {
    const page = await dev.get("/form?line=modal+access+request");
    const again = await dev.press(page, "Ask", {
      "field.resource": "orders-db readonly",
      "field.time": "a while",
      "field.reason": "INC-42 keep me",
    });
    expect(again.status).toBe(422);
    expect(again.html).toContain('value="INC-42 keep me"');
    expect(again.html).toMatch(/class="error"[^>]*>[^<]*time/);
  });

  it("opens from a card's button, bound to what the card showed", async () => {
    const page = await lena.get("/access/G-1");
    const deny = hrefOf(page.html, "Deny…") ?? "";
    expect(deny).toContain("--seen");
    const answer = await lena.press(await lena.get(deny), "Deny", { "field.reason": "use the replica" });
    expect(textOf(answer.html)).toContain("G-1");
    expect(hrefOf(answer.html, "Back")).toBe("/access/G-1");
    expect(textOf((await lena.get("/access/G-1")).html)).toContain("use the replica");
  });

  it("is where a bare command leads, and what there is no form for says so", async () => {
    const page = await dev.get("/form?line=access+request");
    expect(page.html).toContain('name="field.reason"');
    const none = await dev.get("/form?line=modal+no-such");
    expect(none.status).toBe(409);
  });
});

it("every page shows where one is, who one is and how to leave", async () => {
  const { html } = await lena.get("/slo");
  expect(html).toContain('<a class="skip" href="#main">');
  expect(html).toContain('<a href="/slo" aria-current="page">Budgets</a>');
  expect(textOf(html)).toContain("Lena Lind");
  expect(formsIn(html).find(({ action }) => action === "/sign-out")?.labels).toEqual(["Sign out"]);
  expect((await lena.get("/%ff")).status).toBe(404);
});

it("the console's own files are sent once and then only named", async () => {
  for (const path of ["/console.css", "/console.js"]) {
    const first = await fetch(quarterdeck.base + path);
    expect(first.status).toBe(200);
    const etag = first.headers.get("etag") ?? "";
    expect((await fetch(quarterdeck.base + path, { headers: { "if-none-match": etag } })).status).toBe(304);
  }
});
