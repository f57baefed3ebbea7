import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createHookToken } from "../../src/platform/hooktokens.ts";
import { systemActor } from "../../src/platform/people.ts";
import { localPeople } from "../../src/sandbox/people.ts";
import { dmIdOf } from "../../src/sandbox/workspace/emulator.ts";
import { startTestApp, type TestApp } from "../support/app.ts";
import { labelsOf, type Person } from "../support/person.ts";
import { until } from "../support/until.ts";

let quarterdeck: TestApp;
let olive: Person;
let lena: Person;
let token: string;
beforeAll(async () => {
  quarterdeck = await startTestApp();
  [olive, lena] = await Promise.all([quarterdeck.person("U0ONCALL"), quarterdeck.person("U0LEAD")]);
  const made = await createHookToken(quarterdeck.app.database, systemActor, "alertmanager", "storefront");
  if (!made.ok) throw new Error(made.refusal.message);
  token = made.value.token;
});
afterAll(() => quarterdeck.close());

const post = (body: unknown, bearer = token) =>
  fetch(`${quarterdeck.base}/hooks/alertmanager`, {
    method: "POST",
    headers: { authorization: `Bearer ${bearer}`, "content-type": "application/json" },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
const group = (alertname: string, status: string, over: object = {}) => ({
  version: "4",
  status,
  groupKey: `{}:{alertname="${alertname}"}`,
  alerts: [
    {
      status,
      labels: { alertname, service: "shop", severity: "warning" },
      annotations: { summary: "Checkout <!channel> fails" },
      startsAt: new Date(Date.now() - 60_000).toISOString(),
      endsAt: status === "resolved" ? new Date().toISOString() : "0001-01-01T00:00:00Z",
      fingerprint: alertname,
      ...over,
    },
  ],
});
const cards = async (name: string) =>
  (await olive.see("C0SHOPALERTS")).filter(({ text }) => text.includes(name));

describe("an alert posted to the hook", () => {
  it("becomes one card that is edited in place, taken by a press, and over when resolved", async () => {
    expect((await post(group("HighErrorRate", "firing"))).status).toBe(200);
    const card = await olive.sees("C0SHOPALERTS", /🟠 shop · HighErrorRate · warning · 1 firing/);
    expect(card.text).not.toContain("<!channel>");
    expect((await post(group("HighErrorRate", "firing"))).status).toBe(200);
    await olive.sees("C0SHOPALERTS", /received 2 ×/);
    await olive.press(card, "Take it");
    await olive.sees("C0SHOPALERTS", /Taken by.*Olive Okafor/);
    await lena.send("C0SHOPALERTS", "/ops ack T-1");
    const told = await lena.sees("C0SHOPALERTS", /T-1 was taken by Olive Okafor at .*Nothing done/);
    expect(told.ephemeral).toBe(true);
    await post(group("HighErrorRate", "resolved"));
    await olive.sees("C0SHOPALERTS", /All its alerts are resolved after .*taken by Olive Okafor/);
    expect((await cards("HighErrorRate")).map(({ ts }) => ts)).toEqual([card.ts]);
    expect((await olive.see("C0SHOPALERTS")).filter(({ ephemeral }) => ephemeral)).toEqual([]);
  });

  it("is muted by a form", async () => {
    await post(group("Slow", "firing"));
    const card = await olive.sees("C0SHOPALERTS", /shop · Slow/);
    await olive.press(card, "Mute");
    const opened = await until("the form", async () => {
      const state = await olive.state<{ views?: unknown; modal?: unknown; view?: unknown }>("C0SHOPALERTS");
      return JSON.stringify(state).includes("For how long") || undefined;
    });
    expect(opened).toBe(true);
    // What fires on of the same service would have the next alert for company.
    await post(group("Slow", "resolved"));
    await olive.sees("C0SHOPALERTS", /⚫ shop · Slow/);
  });
});

describe("a critical alert while nobody knows how users are", () => {
  it("pages by direct message; its Acknowledge takes the ticket and ends the page", async () => {
    await post(
      group("Outage", "firing", { labels: { alertname: "Outage", service: "shop", severity: "critical" } }),
    );
    const card = await olive.sees("C0SHOPALERTS", /🔴 shop · Outage · critical · 1 firing, paged/);
    expect(labelsOf(card).slice(0, 2)).toEqual(["Acknowledge", "Roll back"]);
    const direct = dmIdOf(olive.id, localPeople.botUser.id);
    const page = await olive.sees(direct, /PAGE shop: Outage/);
    expect(labelsOf(page).slice(0, 2)).toEqual(["Acknowledge", "Roll back"]);
    await olive.press(page, "Acknowledge");
    await olive.sees("C0SHOPALERTS", /Outage.*paged and taken.*Olive Okafor/);
    await olive.sees(direct, /PAGE shop: Outage.*Acknowledged by Olive Okafor/);
  });
});

describe("the door", () => {
  it("stores nothing for who has no token", async () => {
    const kept = async () =>
      (
        await quarterdeck.app.database.db
          .selectFrom("alert_deliveries" as never)
          .selectAll()
          .execute()
      ).length;
    const before = await kept();
    expect((await post(group("X", "firing"), "qdh_wrong")).status).toBe(401);
    expect(await kept()).toBe(before);
  });

  it("answers 400 to what cannot be read, with a card in the default channel that names the field", async () => {
    expect((await post('{"version":"4","status":"firing","alerts":7}')).status).toBe(400);
    await olive.sees("C0OPS", /alertmanager · a body I cannot read: field alerts/);
  });

  it("answers 413 to what is too large", async () => {
    expect((await post("x".repeat(25_000_001))).status).toBe(413);
  });
});
