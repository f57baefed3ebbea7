import { describe, expect, it } from "vitest";
import type { Service } from "../../../src/catalog/schema.ts";
import { ProviderError } from "../../../src/providers/errors.ts";
import { dev, lena, olive, startRoom, type TestRoom, told } from "../rollouts/harness.ts";

/** Brings v42 to all traffic, by a rollout that a person promoted and that ended well. */
async function onV42(change: (shop: Service) => void = () => undefined): Promise<TestRoom> {
  const room = await startRoom((catalog) => {
    const shop = catalog.services.find(({ name }) => name === "shop");
    if (!shop?.rollout) throw new Error("the sample has no shop with rollouts");
    shop.rollout = { ...shop.rollout, watch: 1_000 };
    change(shop);
  });
  await room.type(dev, "rollout start shop v42");
  await room.until(["step"]);
  await room.type(dev, "rollout promote R-1 --full");
  await room.until(["promoted"]);
  return room;
}

/** What only that person reads: the preview with its button. */
async function preview(room: TestRoom, line = "rollback shop"): Promise<{ text: string; line: string }> {
  const id = await room.send(dev, line);
  const { text } = await room.handle(id);
  const { blocks = [] } = await room.said(`answer:${id}`);
  const actions = blocks.find((block) => block.type === "actions");
  const [button] = actions?.type === "actions" ? actions.elements : [];
  return { text, line: button?.type === "button" ? (button.value ?? "") : "" };
}

describe("rollback", () => {
  it("shows what it would do, and does it once confirmed, exactly as recorded", async () => {
    const room = await onV42();
    room.world.behaviour.bad = { v42: 0.09 };
    const shown = await preview(room);
    expect(shown.text).toMatch(
      /shop production: v42 → v41 \(ran .*, SLO ok\)\. v42 came .* by <@U0DEV>\. Differs: image\. Schema: no deploy told of one\./,
    );
    expect(await room.weights()).toEqual({ v41: 0, v42: 100 });
    const answer = await room.type(lena, shown.line, true);
    expect(answer).toMatchObject({
      ok: true,
      text: expect.stringContaining("R-2: shop goes back v42 → v41"),
    });
    await room.drain();
    // The rollout had recorded v41 alone before its first step.
    expect(await room.weights()).toEqual({ v41: 100 });
    await room.pass(15);
    const card = await room.said("rollback:R-2");
    expect(card.text).toContain("🟢 shop · rollback R-2 v42 → v41 · done, it helped");
    const last = JSON.stringify(card.blocks?.at(-1));
    expect(last).toContain("exactly as recorded");
    expect(last).toMatch(/Recovered in \d+ s: error-ratio 9 → 0 %/);
    const deploys = await room.deploys.recent("shop", { since: new Date(0), limit: 10 });
    expect(deploys.map(({ version, source, outcome }) => [version, source, outcome])).toEqual([
      ["v41", "rollback", "good"],
      ["v42", "rollout", "bad"],
      ["v41", "catalog", "good"],
    ]);
    expect(room.events.map(([event]) => event)).toContain("rollbacks.done");
    expect(await room.audited("R-2")).toEqual(["rollback.started", "rollback.done", "rollback.recovered"]);
    expect((await room.said("rollback:R-2:by-hand")).text).toContain("curl -fsS -X PUT");
  });

  it("says what differs beside the image, what a migration breaks, and what can be done; and goes anyway", async () => {
    const migration = { id: "0117", note: "drops orders.note", reversal: "0118 adds it back" };
    const room = await onV42((shop) => {
      for (const version of shop.traffic?.[0]?.versions ?? [])
        if (version.name === "v42") version.migration = migration;
    });
    await told(room, { change: "flag", version: "new-checkout on" });
    room.clock.advance(1_000);
    const shown = await preview(room);
    expect(shown.text).toContain("Differs: image, 1 flag. Schema changed since.");
    expect(shown.text).toContain("• flag new-checkout changed since: set to on by ci; look whether");
    expect(shown.text).toContain(
      "🟠 v42 ran migration 0117 (drops orders.note); v41 is from before it. Code alone breaks what reads or writes there.",
    );
    expect(shown.text).toContain("*Flag off · reversal note · go anyway*");
    expect(shown.text).toContain(
      "• Flag off: new-checkout changed since v41 ran; turned back, the version may stay.",
    );
    expect(shown.text).toContain("• Reversal note of 0117:\n```\n0118 adds it back\n```");
    // Changed meanwhile: the flag is off again. Nothing is done, and the new state is shown.
    await told(room, { change: "flag", version: "new-checkout off" });
    room.clock.advance(1_000);
    const stale = await room.type(lena, shown.line, true);
    expect(stale.text).toMatch(/^Changed since you looked: .*Nothing done\. As it stands now:/);
    expect(stale.text).toContain("new-checkout changed since: set to off");
    expect(await room.weights()).toEqual({ v41: 0, v42: 100 });
    const answer = await room.type(lena, (await preview(room)).line, true);
    expect(answer.ok).toBe(true);
    expect(answer.text).toContain("R-2: shop goes back v42 → v41.");
    expect(answer.text).toContain("🟠 v41 is from before migration 0117.");
    await room.drain();
    expect(await room.weights()).toEqual({ v41: 100 });
    expect((await room.said("rollback:R-2")).text).toContain("done, and differs from what was recorded");
    expect(JSON.stringify((await room.said("rollback:R-2")).blocks)).toContain(
      "v42 ran migration 0117 (drops orders.note), which no weight undoes",
    );
  });

  it("takes a version of which no state is kept all traffic, and leaves the rest as it is", async () => {
    const room = await onV42();
    await told(room, {
      version: "v44",
      outcome: "good",
      at: new Date(room.clock.now().getTime() - 86_400_000),
    });
    expect((await room.type(dev, "rollback shop v44 --yes")).ok).toBe(true);
    await room.drain();
    expect(await room.weights()).toEqual({ v41: 0, v42: 0, v44: 100 });
    expect(JSON.stringify((await room.said("rollback:R-2")).blocks?.at(-1))).toContain("exactly as recorded");
  });

  it("is begun while the traffic cannot be reached, and done once it can", async () => {
    const room = await onV42();
    let isAway = true;
    const away = async (): Promise<never> => {
      throw new ProviderError("unreachable", "no connection to the router", "Start it.");
    };
    room.world.engine = (real) =>
      isAway ? { ...real, describe: away, snapshot: away, revert: away, promote: away, parity: away } : real;
    const shown = await preview(room);
    expect(shown.text).toContain(
      "The traffic cannot be read now: no connection to the router. It is tried until",
    );
    const answer = await room.type({ ...dev, door: "terminal" }, shown.line);
    expect(answer.text).toContain("R-2: shop goes back v42 → v41.");
    expect(answer.text).toContain("I keep trying and page after a minute");
    expect(answer.text).toContain("Should it not come through, by hand:\n```\ncurl -fsS -X PUT");
    await room.pass(3);
    isAway = false;
    await room.pass(5);
    expect(await room.weights()).toEqual({ v41: 100 });
  });

  it("does nothing when the state changed since it was shown, and shows the new one", async () => {
    const room = await onV42();
    const shown = await preview(room);
    expect((await room.type(olive, shown.line, true)).ok).toBe(true);
    await room.drain();
    const stale = await room.type(lena, shown.line, true);
    expect(stale.text).toMatch(
      /Changed since you looked: @olive started v41 at \d\d:\d\d:\d\d \(R-2\)\. Nothing done\./,
    );
    expect(await room.weights()).toEqual({ v41: 100 });
    expect(
      (await room.db.selectFrom("audit").select("subject").where("action", "=", "rollback.started").execute())
        .length,
    ).toBe(1);
  });

  it("is done once when several confirm it at the same moment, and the others are told by whom", async () => {
    const room = await onV42();
    const shown = await preview(room);
    const ids = await Promise.all(
      [dev, lena, olive, dev, lena].map((actor) => room.send(actor, shown.line, true)),
    );
    const answers = await Promise.all(ids.map((id) => room.handle(id)));
    expect(answers.filter(({ text }) => text.startsWith("R-2: "))).toHaveLength(1);
    for (const { text } of answers.filter((one) => !one.text.startsWith("R-2: ")))
      expect(text).toMatch(/Changed since you looked: @(dev|lena|olive) started (rollback R-2|v41) at/);
    await room.drain();
    expect(await room.weights()).toEqual({ v41: 100 });
  });

  it("does nothing when another one began and ended between its look and its lock", async () => {
    const room = await onV42();
    let first: Promise<unknown> | undefined;
    room.world.engine = (real) => ({
      ...real,
      parity: async (...args) => {
        const looked = await real.parity(...args);
        if (first === undefined) {
          first = (async () => {
            await room.type(olive, "rollback shop --yes");
            await room.drain();
          })();
          await first;
        }
        return looked;
      },
    });
    const second = await room.type(lena, "rollback shop v41 --yes");
    expect(second).toMatchObject({ ok: false });
    expect(second.text).toMatch(
      /Changed since you looked: @olive started v41 at .* \(R-2\)\. Nothing done\./,
    );
    expect(await room.deploys.recent("shop", { since: new Date(0), limit: 10 })).toHaveLength(3);
  });

  it("reverts a rollout in flight", async () => {
    const room = await startRoom();
    await room.type(dev, "rollout start shop v42");
    await room.until(["step"]);
    const answer = await room.type(lena, "rollback shop checkout fails");
    expect(answer).toMatchObject({ ok: true, text: expect.stringContaining("R-1 is going back to v41") });
    await room.drain();
    expect((await room.find()).state).toMatchObject({
      is: "reverted",
      because: { cause: "person", reason: "checkout fails" },
    });
  });

  it("does not end, unseen, a rollout that began after the preview", async () => {
    const room = await onV42();
    const shown = await preview(room);
    await room.type(dev, "rollout start shop v44");
    const answer = await room.type(lena, shown.line, true);
    expect(answer).toMatchObject({ ok: false, text: expect.stringContaining("@dev started rollout R-2") });
    expect((await room.find("R-2")).state.is).not.toBe("reverting");
  });

  it("goes to a version that is named, and names those recorded as good when it was never there", async () => {
    const room = await onV42();
    const unknown = await room.type(dev, "rollback shop v43");
    expect(unknown).toMatchObject({
      ok: false,
      text: expect.stringContaining(
        "v43 of shop was never recorded as deployed. Recorded as good: v42, v41.",
      ),
    });
    const typed = await room.type(dev, "rollback shop v41 --yes because of checkout");
    expect(typed.ok).toBe(true);
    await room.drain();
    expect(await room.weights()).toEqual({ v41: 100 });
    const none = await room.type(dev, "rollback shop");
    expect(none.text).toContain("No good version of shop other than v41 is recorded");
  });

  it("is never held up by the budget, and shows without doing on a dry run", async () => {
    const room = await onV42();
    room.world.budget = { users: "hurting", readings: [] };
    expect((await room.type(dev, "rollback shop --dry-run")).text).toContain("Nothing was done");
    expect(await room.weights()).toEqual({ v41: 0, v42: 100 });
    expect((await room.type(dev, "rollback shop --yes")).ok).toBe(true);
    await room.drain();
    expect(await room.weights()).toEqual({ v41: 100 });
  });

  it("takes a service from a split that no rollout made to one version", async () => {
    const room = await startRoom();
    await room.type(dev, "rollout start shop v42");
    await room.until(["step"]);
    await room.type(dev, "rollout revert shop");
    await room.drain();
    const address = (version: string) =>
      room.world.catalog.services
        .find(({ name }) => name === "shop")
        ?.traffic?.[0]?.versions.find(({ name }) => name === version)?.url;
    await fetch(`http://127.0.0.1:${room.router.adminPort}/routes/shop`, {
      method: "PUT",
      headers: { authorization: "Bearer router-token-of-the-tests", "content-type": "application/json" },
      body: JSON.stringify({
        backends: [
          { version: "v41", url: address("v41"), weight: 30 },
          { version: "v43", url: address("v43"), weight: 70 },
        ],
      }),
    });
    await room.pass(5);
    expect((await room.type(dev, "rollout start shop v42")).text).toContain(
      "split outside any rollout: v41 30 %, v43 70 %",
    );
    expect((await room.type(dev, "rollback shop --yes")).ok).toBe(true);
    await room.drain();
    expect(await room.weights()).toEqual({ v41: 100, v43: 0 });
  });

  it("is taken up by another worker after a kill between effect and record, once", async () => {
    const room = await onV42();
    let hasDied = false;
    room.world.engine = (real) => ({
      ...real,
      revert: async (...args) => {
        const state = await real.revert(...args);
        if (hasDied) return state;
        hasDied = true;
        throw new Error("killed");
      },
    });
    await room.type(dev, "rollback shop --yes");
    await room.drain();
    expect(hasDied).toBe(true);
    room.clock.advance(2_000);
    await room.drain(room.newRunner());
    expect(await room.weights()).toEqual({ v41: 100 });
    expect((await room.audited("R-2")).filter((action) => action === "rollback.done")).toHaveLength(1);
    expect(
      (await room.deploys.recent("shop", { since: new Date(0), limit: 10 })).filter(
        ({ source }) => source === "rollback",
      ),
    ).toHaveLength(1);
  });

  it("is tried for ever, with the commands by hand on the card, and pages after a minute", async () => {
    const room = await onV42();
    let isAway = true;
    room.world.engine = (real) => ({
      ...real,
      revert: async (...args) => {
        if (isAway) throw new ProviderError("unreachable", "no connection to the router", "Start it.");
        return real.revert(...args);
      },
    });
    await room.type(dev, "rollback shop --yes");
    await room.pass(55);
    expect(room.pages).toEqual([]);
    expect(JSON.stringify((await room.said("rollback:R-2")).blocks)).toContain("curl -fsS");
    await room.pass(15);
    expect(room.pages.at(-1)?.headline).toContain("PAGE shop: rollback R-2 v42 → v41 does not come through");
    const again = (await room.type(lena, "rollback shop --yes")).text;
    expect(again).toContain("R-2 takes shop back v42 → v41 already; cannot move traffic");
    expect(again).toContain("curl -fsS -X PUT");
    isAway = false;
    await room.pass(15);
    expect(await room.weights()).toEqual({ v41: 100 });
    expect(room.resolved).toEqual(["rollback:R-2:stuck"]);
  });
});
