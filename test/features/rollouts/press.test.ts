import { describe, expect, it } from "vitest";
import { dev, lena, olive, startRoom } from "./harness.ts";

/** The line behind a button of the card, by its words. */
async function lineOf(room: Awaited<ReturnType<typeof startRoom>>, label: string): Promise<string> {
  const { blocks = [] } = await room.said("rollout:R-1");
  const found = blocks.flatMap((block) =>
    block.type === "actions"
      ? block.elements.flatMap((element) =>
          element.type === "button"
            ? [{ label: element.text.text, line: element.value }]
            : element.options.map(({ text, value }) => ({ label: text.text, line: value })),
        )
      : [],
  );
  const line = found.find((one) => one.label === label)?.line;
  if (line === undefined) throw new Error(`no ${label} among ${found.map((one) => one.label).join(", ")}`);
  return line;
}

describe("deciding by hand", () => {
  it("keeps a paused step where it is, still takes back what harms, and goes on when resumed", async () => {
    const room = await startRoom();
    await room.type(dev, "rollout start shop v42");
    await room.until(["step"]);
    await room.type(dev, await lineOf(room, "Pause"), true);
    await room.leap(60);
    expect((await room.find()).state).toMatchObject({ is: "paused", index: 0 });
    expect((await room.said("rollout:R-1")).text).toContain("paused by <@U0DEV>");
    await room.type(dev, await lineOf(room, "Resume"), true);
    await room.pass(20, async () => (await room.find()).marks.length > 1);
    expect((await room.find()).marks).toHaveLength(2);
    await room.type(dev, "rollout promote R-1 --full");
    await room.until(["promoted"]);

    room.world.behaviour.bad = { v43: 0.4 };
    await room.type(dev, "rollout start shop v43");
    await room.until(["step"], "R-2");
    await room.type(dev, "rollout pause shop");
    expect((await room.until(["reverted"], "R-2")).state).toMatchObject({ because: { cause: "breach" } });
  });

  it("pauses once the weight under way is set, when pressed in between", async () => {
    const room = await startRoom();
    await room.type(dev, "rollout start shop v42");
    expect((await room.type(lena, "rollout pause R-1 wait for me")).ok).toBe(true);
    expect((await room.find()).state.is).toBe("pausing");
    await room.drain();
    expect((await room.find()).state).toMatchObject({
      is: "paused",
      index: 0,
      pause: { reason: "wait for me" },
    });
    expect(await room.weights()).toEqual({ v41: 99, v42: 1 });
  });

  it("promotes one step per press, bound to what the card showed, and to 100 % with --full", async () => {
    const room = await startRoom();
    await room.type(dev, "rollout start shop v42");
    await room.until(["step"]);
    const promote = await lineOf(room, "Promote");
    expect((await room.type(dev, promote, true)).ok).toBe(true);
    const again = await room.type(lena, promote, true);
    expect(again).toMatchObject({ ok: false });
    expect(again.text).toMatch(
      /Changed since you looked: @dev promoted it at \d\d:\d\d:\d\d; R-1 is on its way to 10 %. Nothing done./,
    );
    await room.drain();
    expect(await room.weights()).toEqual({ v41: 90, v42: 10 });
    await room.type(dev, "rollout promote shop --full");
    await room.drain();
    expect(await room.weights()).toEqual({ v41: 0, v42: 100 });
  });

  it("does not promote past a step that the judge promoted meanwhile", async () => {
    const room = await startRoom();
    await room.type(dev, "rollout start shop v42");
    await room.until(["step"]);
    const promote = await lineOf(room, "Promote");
    await room.pass(60, async () => (await room.find()).marks.length === 2);
    expect((await room.type(dev, promote, true)).text).toContain("Nothing done");
    expect((await room.find()).marks).toHaveLength(2);
  });

  it("tells the second of two who revert who was first, and says afterwards that it is over", async () => {
    const room = await startRoom();
    await room.type(dev, "rollout start shop v42");
    await room.until(["step"]);
    const revert = await lineOf(room, "Revert");
    expect((await room.type(lena, revert, true)).ok).toBe(true);
    const second = await room.type(olive, revert, true);
    expect(second.text).toMatch(
      /Changed since you looked: @lena reverted it at .*; R-1 is going back to v41. Nothing done./,
    );
    await room.drain();
    expect((await room.type(dev, "rollout pause R-1")).text).toContain("R-1 went back to v41");
    expect((await room.type(dev, "rollout revert shop")).text).toContain(
      "No rollout of shop in production is in flight. The last, R-1, went back to v41",
    );
    expect(await room.weights()).toEqual({ v41: 100 });
  });

  it("lets a revert win over a press just before it and tells that person", async () => {
    const room = await startRoom();
    await room.type(dev, "rollout start shop v42");
    await room.until(["step"]);
    const revert = await lineOf(room, "Revert");
    expect((await room.type(dev, await lineOf(room, "Promote"), true)).ok).toBe(true);
    expect((await room.type(lena, revert, true)).ok).toBe(true);
    await room.drain();
    expect((await room.find()).marks).toHaveLength(1);
    expect(await room.weights()).toEqual({ v41: 100 });
    const messages = await room.db
      .selectFrom("messages")
      .select(["wanted", "person"])
      .where("key", "like", "rollout:R-1:undone:%")
      .execute();
    expect(messages).toHaveLength(1);
    expect(messages[0]?.person).toBe("U0DEV");
    expect(JSON.stringify(messages[0]?.wanted)).toMatch(
      /@lena reverted R-1 at .* right after you promoted it/,
    );
  });

  it("may be reverted by a responder of any team, also with the budget gone", async () => {
    const room = await startRoom((catalog) => {
      catalog.people.push({ id: "pat", name: "Pat", slack: { T0LOCAL: "U0PAT" } });
      for (const team of catalog.teams) if (team.name === "payments") team.members.push("pat");
    });
    const pat = { ...dev, person: "U0PAT" };
    await room.type(dev, "rollout start shop v42");
    await room.until(["step"]);
    room.world.budget = { users: "hurting", readings: [] };
    expect((await room.type(pat, "rollout pause R-1")).text).toContain("storefront");
    expect((await room.type(pat, "rollout revert R-1")).ok).toBe(true);
    await room.drain();
    expect((await room.find()).state.is).toBe("reverted");
  });

  it("extends the deadline within the policy and not past it", async () => {
    const room = await startRoom();
    await room.type(dev, "rollout start shop v42");
    await room.until(["step"]);
    const { deadlineAt } = await room.find();
    expect((await room.type(dev, "rollout extend shop 30m more traffic tonight")).ok).toBe(true);
    expect((await room.find()).deadlineAt.getTime() - deadlineAt.getTime()).toBe(30 * 60_000);
    const over = await room.type(dev, "rollout extend shop 6h much longer");
    expect(over).toMatchObject({ ok: false, text: expect.stringContaining("6h in all") });
  });

  it("shows what a press would do without doing it", async () => {
    const room = await startRoom();
    await room.type(dev, "rollout start shop v42");
    await room.until(["step"]);
    const { seq } = await room.find();
    expect((await room.type(dev, "rollout revert shop --dry-run")).text).toContain("v42 at 0 %");
    expect((await room.find()).seq).toBe(seq);
  });
});

describe("200 pairs of opposite buttons pressed at the same moment", () => {
  it("have one effect each, and the other is told what happened and by whom", {
    timeout: 300_000,
  }, async () => {
    const services = 10;
    const room = await startRoom((catalog) => {
      const shop = catalog.services.find(({ name }) => name === "shop");
      const slow = {
        steps: [1, 10, 100].map((weightPercent) => ({
          weightPercent,
          minDuration: 3_600_000,
          minSamples: 500,
        })),
        interval: 600_000,
        deadline: 8 * 3_600_000,
        watch: 600_000,
      };
      catalog.policies.rollout.deadlineMax = 24 * 3_600_000;
      for (let index = 0; shop && index < services; index += 1)
        catalog.services.push({ ...shop, name: `shop-${index}`, rollout: slow, signals: [] });
    });
    const pairs = [
      { left: "pause", right: "revert" },
      { left: "promote", right: "revert" },
      { left: "pause", right: "promote" },
      { left: "revert", right: "revert" },
    ] as const;
    let pressed = 0;
    const verbs: Record<string, string> = { pause: "paused", promote: "promoted", revert: "reverted" };
    for (let round = 0; round < 20; round += 1) {
      const pair = pairs[round % pairs.length] as (typeof pairs)[number];
      const names = Array.from({ length: services }, (_, index) => `shop-${index}`);
      await Promise.all(names.map((name) => room.type(dev, `rollout start ${name} v42`)));
      await room.drain();
      const rollouts = await Promise.all(names.map(async (name) => room.rollouts.inFlight(name)));
      await Promise.all(
        rollouts.map(async (rollout) => {
          if (rollout?.state.is !== "step") throw new Error(`not at its step: ${rollout?.state.is}`);
          const line = (verb: string) =>
            `rollout ${verb} ${rollout.id}${verb === "revert" ? "" : ` --seen ${rollout.seq}`}`;
          const [left, right] = [
            await room.send(lena, line(pair.left), true),
            await room.send(olive, line(pair.right), true),
          ];
          const [one, other] = await Promise.all([room.handle(left), room.handle(right)]);
          pressed += 1;
          const after = await room.find(rollout.id);
          const decided = await room.audited(rollout.id);
          if (pair.right !== "revert") {
            // Neither undoes the other: whoever was second did nothing and reads who was first.
            expect([one.ok, other.ok].filter(Boolean)).toHaveLength(1);
            const [winner, loser] = one.ok ? ["lena", other] : ["olive", one];
            expect(loser.text).toContain(
              `Changed since you looked: @${winner} ${verbs[one.ok ? pair.left : pair.right]} it at`,
            );
            expect(after.seq).toBe(rollout.seq + 1);
            return;
          }
          expect(after.state.is).toBe("reverting");
          expect(decided.filter((action) => action === "rollout.reverting")).toHaveLength(1);
          const undone = await room.db
            .selectFrom("messages")
            .select("wanted")
            .where("key", "like", `rollout:${rollout.id}:undone:%`)
            .execute();
          const told =
            [one, other].filter(({ ok, text }) => !ok && text.includes("Changed since you looked: @"))
              .length + undone.length;
          expect(told).toBe(1);
        }),
      );
      await room.drain();
      await Promise.all(
        names.map(async (name) => {
          const rollout = await room.rollouts.inFlight(name);
          if (rollout) await room.type(dev, `rollout revert ${rollout.id}`);
        }),
      );
      await room.drain();
      for (const name of names) {
        expect(await room.rollouts.inFlight(name)).toBeUndefined();
        expect(await room.weights(name)).toEqual({ v41: 100 });
      }
    }
    expect(pressed).toBe(200);
    const effects = await room.db
      .selectFrom("audit")
      .select((eb) => eb.fn.countAll<string>().as("n"))
      .where("action", "=", "rollout.reverted")
      .executeTakeFirstOrThrow();
    expect(Number(effects.n)).toBe(200);
  });
});
