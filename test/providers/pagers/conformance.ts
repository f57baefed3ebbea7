import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { keyOfPage, type PageNotice, type Pager, pageOfKey } from "../../../src/providers/pagers/contract.ts";
import { createPagers } from "../../../src/providers/pagers/instances.ts";
import { SetClock } from "../../support/database.ts";
import type { PagerStandIn } from "./stand-ins.ts";

export const clock = new SetClock();

export const noticeOf = (over: Partial<PageNotice> = {}): PageNotice => ({
  key: keyOfPage(randomUUID()),
  summary: "PAGE shop: checkout errors 9 %, burn 90x. Suspect 1: shop v42, 02:58",
  detail:
    "PAGE shop: checkout errors 9 %, burn 90x. Suspect 1: shop v42, 02:58, by ci (@author). 11 more services hit.",
  subject: "T-3",
  team: "storefront",
  service: "shop",
  openedAt: new Date("2026-03-02T09:59:00Z"),
  url: "https://q.example/tickets/T-3",
  ...over,
});

/** What every paging provider must do. `start` brings a strict stand-in of its kind. */
export function pagerConformance(start: () => Promise<PagerStandIn>): void {
  let there: PagerStandIn;
  beforeAll(async () => {
    there = await start();
  });
  afterAll(() => there.close());
  beforeEach(() => there.calls.splice(0));
  const pagerWith = (env: Readonly<Record<string, string>> = {}, deadlineMs = 5_000): Pager =>
    createPagers({ env: (name) => ({ ...there.env, ...env })[name], clock }, deadlineMs).of(there.instance);
  const secretsOf = () => Object.values(there.env);

  it("rings once for a key however often it is told, and shows the whole line", async () => {
    const notice = noticeOf();
    await Promise.all([pagerWith().trigger(notice), pagerWith().trigger(notice)]);
    await pagerWith().trigger(notice);
    expect(there.rings(notice.key)).toBe(1);
    expect(there.pageOf(notice.key)).toMatchObject({ state: "triggered", summary: notice.summary });
    expect(pageOfKey(notice.key)).toMatch(/^[0-9a-f-]{36}$/);
  });

  it("acknowledges and resolves, and may say so twice", async () => {
    const notice = noticeOf({ service: null, url: null });
    await pagerWith().trigger(notice);
    await pagerWith().acknowledge(notice, "Olive Okafor");
    await pagerWith().acknowledge(notice, "Olive Okafor");
    expect(there.pageOf(notice.key)?.state).toBe("acknowledged");
    await pagerWith().resolve(notice, "Quarterdeck");
    await pagerWith().resolve(notice, "Quarterdeck");
    expect(there.pageOf(notice.key)?.state).toBe("resolved");
    expect(there.rings(notice.key)).toBe(1);
  });

  it("does no harm with a key the system does not know", async () => {
    const notice = noticeOf();
    await pagerWith().acknowledge(notice, "Olive Okafor");
    await pagerWith().resolve(notice, "Olive Okafor");
    expect(there.pageOf(notice.key)).toBeUndefined();
    expect(await pagerWith().read(notice.key)).toBeUndefined();
  });

  it("stays within the system's limits whatever the words are", async () => {
    const hostile = `PAGE "shop" <!channel> \u{1f525}\ud800 ${"é".repeat(20_000)}`;
    const notice = noticeOf({ summary: hostile.slice(0, 80), detail: hostile, service: "s".repeat(600) });
    await pagerWith().trigger(notice);
    expect(there.rings(notice.key)).toBe(1);
  });

  it.each([429, 500, 503])("asks to be tried again after %d, and nothing was taken", async (status) => {
    const notice = noticeOf();
    there.answerNext(status);
    await expect(pagerWith().trigger(notice)).rejects.toMatchObject({ code: "unreachable" });
    expect(there.rings(notice.key)).toBe(0);
    await pagerWith().trigger(notice);
    expect(there.rings(notice.key)).toBe(1);
  });

  it.each([
    [401, "unauthorised"],
    [403, "unauthorised"],
    [400, "rejected"],
    [302, "unreachable"],
  ])("says what %d means and shows no secret", async (status, code) => {
    there.answerNext(status);
    const refusal = await pagerWith()
      .trigger(noticeOf())
      .catch((error: unknown) => error);
    expect(refusal).toMatchObject({ code });
    const shown = `${refusal instanceof Error ? `${refusal.message} ${refusal.stack}` : ""} ${JSON.stringify(refusal)}`;
    for (const secret of secretsOf()) expect(shown).not.toContain(secret);
  });

  it("tells an answer that never came from a door that is shut", async () => {
    there.answerNext(0);
    await expect(pagerWith({}, 50).trigger(noticeOf())).rejects.toMatchObject({ code: "timeout" });
    const shut = await start();
    await shut.close();
    const pager = createPagers({ env: (name) => shut.env[name], clock }, 5_000).of(shut.instance);
    await expect(pager.trigger(noticeOf())).rejects.toMatchObject({ code: "unreachable" });
  });

  it("names the variable of a secret that is not set", () => {
    const { instance } = there;
    const bare = createPagers({ env: () => undefined, clock });
    expect(() => bare.of(instance)).toThrow(expect.objectContaining({ code: "unauthorised" }));
  });

  it("tells where a page stands and who did it, if it can be asked at all", async () => {
    const notice = noticeOf();
    const pager = pagerWith();
    await pager.trigger(notice);
    if (!pager.canRead) {
      expect(await pager.read(notice.key)).toBeUndefined();
      return;
    }
    expect(await pager.read(notice.key)).toMatchObject({ state: "triggered", by: null });
    there.act(notice.key, "acknowledged", "Jane Doe");
    expect(await pager.read(notice.key)).toMatchObject({ state: "acknowledged", by: "Jane Doe" });
    there.act(notice.key, "resolved", "Jane Doe");
    expect(await pager.read(notice.key)).toMatchObject({ state: "resolved", by: "Jane Doe" });
    expect((await pager.read(notice.key))?.externalId).toMatch(/^P/);
  });
}
