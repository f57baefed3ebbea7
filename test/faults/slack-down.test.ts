import { expect, it, onTestFinished } from "vitest";
import { createOperatorToken } from "../../src/platform/operatortokens.ts";
import { systemActor } from "../../src/platform/people.ts";
import { type SlackApi, SlackError } from "../../src/platform/slack/client.ts";
import type { RunningRouter } from "../../src/router/index.ts";
import { quarterdeck } from "../cli/quarterdeck.ts";
import { startTestRouter, weightsOf } from "../features/rollouts/harness.ts";
import { startTestApp, type TestApp } from "../support/app.ts";
import { until } from "../support/until.ts";

let isDown = true;

const orDown =
  <Args extends unknown[], T>(own: (...args: Args) => Promise<T>) =>
  async (...args: Args): Promise<T> => {
    if (isDown) throw new SlackError("chat.postMessage", { kind: "unreachable", code: "request_error" });
    return own(...args);
  };

const unreliable = (api: SlackApi): SlackApi => ({
  ...api,
  call: orDown((...args: Parameters<SlackApi["call"]>) => api.call(...args)) as SlackApi["call"],
  respond: orDown((...args: Parameters<SlackApi["respond"]>) => api.respond(...args)),
  upload: orDown((...args: Parameters<SlackApi["upload"]>) => api.upload(...args)),
});

async function withSlackDown(): Promise<{ app: TestApp; router: RunningRouter }> {
  const router = await startTestRouter();
  const app = await startTestApp({
    vars: { ROUTER_ADMIN_URL: `http://127.0.0.1:${router.adminPort}` },
    env: { ROUTER_TOKEN: "router-token-of-the-tests" },
    // No version runs behind this router; only its weights matter here.
    overrides: {
      slack: unreliable,
      traffic: (engine) => ({
        ...engine,
        health: async () => ({ state: "serving", ready: null, wanted: null, detail: "" }),
      }),
    },
    change: (catalog) => {
      const shop = catalog.services.find(({ name }) => name === "shop");
      // Nothing measures this shop: whoever starts is a lead, and only people end it.
      if (shop?.rollout) shop.rollout = { ...shop.rollout, interval: 600_000 };
    },
  });
  onTestFinished(async () => {
    await app.close();
    await router.close();
  });
  return { app, router };
}

it("Slack is down for a whole rollout: it starts and is taken back from the terminal, and its card comes late", async () => {
  const { app, router } = await withSlackDown();
  const made = await createOperatorToken(app.app.database, systemActor, {
    team: "T0LOCAL",
    person: "U0LEAD",
  });
  if (!made.ok) throw new Error(made.refusal.message);
  const ops = (line: string) =>
    quarterdeck(["ops", "--url", app.base, line], { OPERATOR_TOKEN: made.value.token });

  const started = await ops("rollout start shop v42");
  expect(started.out + started.err).toContain("R-1: shop v41 → v42 starts at 1 %");
  await until("the first step", async () => (await weightsOf(router, "shop")).v42 === 1, 20_000);

  const reverted = await ops("rollout revert shop errors at checkout");
  expect(reverted).toMatchObject({ code: 0 });
  expect(reverted.out).toContain("R-1 is going back to v41.");
  expect(reverted.out).toContain("Should it not come through, by hand:");
  expect(reverted.out).toContain(`curl -fsS -X PUT -H "Authorization: Bearer $ROUTER_TOKEN"`);
  await until("v41 alone", async () => (await weightsOf(router, "shop")).v42 === undefined, 20_000);
  expect(await weightsOf(router, "shop")).toEqual({ v41: 100 });
  const { db } = app.app.database;
  const shown = await db.selectFrom("messages").select("key").where("shown_version", ">", 0).execute();
  expect(shown).toEqual([]);

  isDown = false;
  const lena = await app.person("U0LEAD");
  const card = await lena.sees("C0SHOPALERTS", /rollout R-1 v41 → v42/, 60_000);
  expect(card.text).toContain("reverted");
}, 120_000);
