import { expect, it } from "vitest";
import { checkPager } from "../../src/cli/doctor/pagers.ts";
import { startGrafanaOnCall, startOpsgenie, startPagerDuty } from "../providers/pagers/stand-ins.ts";
import { SetClock } from "../support/database.ts";

it("asks each paging provider something that rings nobody, and says what that proves", async () => {
  const there = await Promise.all([startPagerDuty(), startOpsgenie(), startGrafanaOnCall()]);
  const [pd, og, grafana] = there;
  const env: Record<string, string> = Object.assign({}, ...there.map((one) => one.env));
  const check = async (instance: (typeof pd)["instance"]) => {
    const [finding] = await checkPager(
      { env: (name) => env[name], clock: new SetClock() as never },
      instance,
    );
    return [finding?.state, finding?.saw];
  };
  expect(await check(pd.instance)).toEqual(["not proven", "its REST API answers"]);
  expect(await check(og.instance)).toEqual(["ok", "answers, and takes its key"]);
  og.answerNext(403);
  expect(await check(og.instance)).toEqual(["failed", "opsgenie answered 403"]);
  expect(await check({ ...grafana.instance, hookSource: undefined })).toEqual([
    "not proven",
    "its secret is set; what people do there is not heard without hookSource",
  ]);
  delete env.OG_KEY;
  expect(await check(og.instance)).toEqual(["failed", "The secret of opsgenie is not set"]);
  expect(there.flatMap(({ calls }) => calls.filter(({ method }) => method !== "GET"))).toEqual([]);
  await Promise.all(there.map((one) => one.close()));
});
