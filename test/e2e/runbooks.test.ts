import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createHookToken } from "../../src/platform/hooktokens.ts";
import { systemActor } from "../../src/platform/people.ts";
import { startTestApp, type TestApp } from "../support/app.ts";
import { labelsOf, type Person, type ShownMessage } from "../support/person.ts";
import { until } from "../support/until.ts";

const alerts = "C0SHOPALERTS";
const ops = "C0OPS";
let quarterdeck: TestApp;
let olive: Person;
let lena: Person;
let dev: Person;
let card: ShownMessage;
beforeAll(async () => {
  quarterdeck = await startTestApp();
  [olive, lena, dev] = await Promise.all([
    quarterdeck.person("U0ONCALL"),
    quarterdeck.person("U0LEAD"),
    quarterdeck.person("U0DEV"),
  ]);
  const made = await createHookToken(quarterdeck.app.database, systemActor, "alertmanager", "storefront");
  if (!made.ok) throw new Error(made.refusal.message);
  const posted = await fetch(`${quarterdeck.base}/hooks/alertmanager`, {
    method: "POST",
    headers: { authorization: `Bearer ${made.value.token}`, "content-type": "application/json" },
    body: JSON.stringify({
      version: "4",
      status: "firing",
      groupKey: "{}",
      alerts: [
        {
          status: "firing",
          labels: { alertname: "HighLatency", service: "shop", severity: "warning" },
          annotations: {},
          startsAt: new Date(Date.now() - 60_000).toISOString(),
          endsAt: "0001-01-01T00:00:00Z",
          fingerprint: "slow",
        },
      ],
    }),
  });
  expect(posted.status).toBe(200);
  card = await olive.sees(alerts, /shop · HighLatency/);
});
afterAll(() => quarterdeck.close());

const inThread = (person: Person, channel: string, ts: string, what: RegExp) =>
  until(`${what} in the thread`, async () =>
    (await person.see(channel, ts)).findLast(
      (message) => message.ts !== ts && what.test(JSON.stringify(message)),
    ),
  );
const answer = async (person: Person, line: string, what: RegExp): Promise<ShownMessage> => {
  await person.send(ops, `/ops ${line}`);
  return person.sees(ops, what);
};

describe("Runbook on an alert's card", () => {
  it("opens the runbook of that alert in the card's thread, once, with owner, trust and buttons", async () => {
    await olive.press(card, "Runbook");
    const opened = await inThread(olive, alerts, card.ts, /Runbook High latency/);
    const all = JSON.stringify(opened);
    expect(opened.thread_ts).toBe(card.ts);
    expect(all).toContain("owner Olive Okafor");
    expect(all).toContain("🟠 stale: never verified");
    // Nothing is scraped here: each signal says so, and the steps and deploys are there.
    expect(all).toMatch(/latency-p95.*no value|no value.*latency-p95/);
    expect(all).toContain("v41");
    expect(all).toMatch(/T-1 HighLatency, firing since/);
    expect(labelsOf(opened)).toEqual(["Roll back", "Who is on call", "Helped", "Outdated"]);
    expect((await olive.see(alerts)).filter(({ ephemeral }) => ephemeral)).toEqual([]);
    expect((await olive.see(alerts, card.ts)).filter(({ text }) => /Runbook/.test(text))).toHaveLength(1);
    // A button of the runbook is a command like any other.
    await olive.press(opened, "Who is on call");
    await inThread(olive, alerts, card.ts, /on call/i);
  });

  it("is the same by a mention in the thread, without naming anything", async () => {
    await dev.send(alerts, "@quarterdeck runbook", card.ts);
    const both = await until("a second one", async () => {
      const found = (await dev.see(alerts, card.ts)).filter(({ text }) => /Runbook High latency/.test(text));
      return found.length === 2 && found;
    });
    expect(both[1]?.thread_ts).toBe(card.ts);
  });
});

describe("runbook as people type it", () => {
  it("takes service and name in either order and posts into the channel", async () => {
    await olive.send(ops, "/ops runbook database-saturated shop database=orders-db");
    const opened = await olive.sees(ops, /shop · Runbook Database saturated/);
    expect(opened.thread_ts).toBeUndefined();
    expect(JSON.stringify(opened)).toContain("access request orders-db readonly 15m");
    await lena.send(ops, "/ops runbook shop");
    await lena.sees(ops, /shop · Runbook High error rate/);
  });

  it("opens in the thread a person wrote in", async () => {
    await dev.send(ops, "what is going on with the shop?");
    const own = await dev.sees(ops, /what is going on/);
    await dev.send(ops, "@quarterdeck runbook high-error-rate", own.ts);
    const opened = await inThread(dev, ops, own.ts, /Runbook High error rate/);
    expect(opened.thread_ts).toBe(own.ts);
  });

  it("refuses what it does not know with the nearest and the list", async () => {
    const unknown = await answer(olive, "runbook hihg-latency", /neither a runbook nor a service/);
    expect(unknown.text).toContain("Did you mean high-latency?");
    expect(unknown.ephemeral).toBe(true);
    await answer(olive, "runbook shop high-latency ticket=T-99", /There is no ticket T-99/);
    const input = await answer(olive, "runbook shop database-saturated databse=x", /takes no databse=/);
    expect(input.text).toContain("Did you mean database?");
  });

  it("suggests by the asker's open tickets and lists what there is", async () => {
    const suggested = await answer(olive, "runbook", /Open now/);
    expect(JSON.stringify(suggested)).toContain("runbook shop high-latency ticket=T-1");
    for (const name of ["high-error-rate", "high-latency", "database-saturated"])
      expect(suggested.text).toContain(name);
  });
});

describe("what people say of a runbook", () => {
  it("counts Helped once per person", async () => {
    await answer(dev, "runbook helped high-latency", /high-latency helped \(1 since/);
    await answer(dev, "runbook helped high-latency", /You said so .*Nothing done/);
    await answer(lena, "runbook helped high-latency", /helped \(2 since/);
  });

  it("tells the owner of an outdated one in one message, until somebody of the team verifies it", async () => {
    await answer(
      dev,
      "runbook outdated high-latency step 3 <!channel> is gone",
      /is outdated until it is verified again\. Olive Okafor is told/,
    );
    await answer(lena, "runbook outdated high-latency mine too", /is told/);
    const direct = async () => {
      const { rooms } = await olive.state<{ rooms: { id: string }[] }>(ops);
      const all = await Promise.all(
        rooms.filter(({ id }) => id.startsWith("D")).map(({ id }) => olive.see(id)),
      );
      return all.flat().filter(({ text }) => /Runbook High latency/.test(text));
    };
    const told = await until("both reports", async () =>
      (await direct()).find((message) => /mine too/.test(JSON.stringify(message))),
    );
    expect(await direct()).toHaveLength(1);
    expect(JSON.stringify(told)).toContain("Dev Dara");
    expect(JSON.stringify(told)).not.toContain("<!channel>");
    await olive.send(ops, "/ops");
    await olive.sees(ops, /Your runbook .*outdated, says Lena Lind/);
    await olive.press(told, "It is right now");
    await until("the message to close", async () =>
      (await direct()).find(
        (message) => message.ts === told.ts && /Verified by Olive Okafor/.test(JSON.stringify(message)),
      ),
    );
    expect(await direct()).toHaveLength(1);
    await answer(lena, "runbook verify high-latency", /Olive Okafor verified high-latency .*Nothing done/);
    await olive.send(alerts, "/ops runbook shop high-latency");
    await olive.sees(alerts, /Runbook High latency.*🟢 verified .* by Olive Okafor/);
    await answer(dev, "audit --action runbook.verified", /runbook.verified/);
  });

  it("has its page with the whole text", async () => {
    const answered = await fetch(`${quarterdeck.base}/runbooks/high-latency`, {
      headers: { cookie: olive.cookie },
    });
    expect(await answered.text()).toContain("Slow is better than down");
    const absent = await fetch(`${quarterdeck.base}/runbooks/..%2fpackage`, {
      headers: { cookie: olive.cookie },
    });
    expect(absent.status).toBe(404);
    expect((await fetch(`${quarterdeck.base}/runbooks/high-latency`)).status).toBe(401);
  });
});
