import { expect, it } from "vitest";
import type { Ticketing } from "../../../src/providers/ticketing/contract.ts";

const content = {
  title: "shop: HighErrorRate",
  body: "Checkout fails\n<b>",
  owner: "storefront",
  severity: "critical",
};

/** What every ticket system must do; `fresh` gives one, and markers are never used twice. */
export function ticketingConformance(fresh: () => Ticketing): void {
  let sequence = 0;
  const marker = () => {
    sequence += 1;
    return `T-${sequence}`;
  };

  it("opens one ticket per marker, however often it is asked at once", async () => {
    const ours = marker();
    const made = await Promise.all(Array.from({ length: 8 }, () => fresh().create(content, ours)));
    expect(new Set(made.map(({ key }) => key)).size).toBe(1);
    expect(await fresh().read(made[0]?.key ?? "")).toMatchObject({ state: "open", title: content.title });
  });

  it("brings words up to date, closes, says again that it is closed, and opens again", async () => {
    const { key } = await fresh().create(content, marker());
    await fresh().update(key, { ...content, title: "shop: worse" });
    expect((await fresh().read(key))?.title).toBe("shop: worse");
    await fresh().close(key, "Over after 5 min.");
    await fresh().close(key, "Over after 5 min.");
    expect((await fresh().read(key))?.state).toBe("closed");
    await fresh().update(key, content);
    expect((await fresh().read(key))?.state).toBe("open");
  });

  it("knows no ticket it did not open", async () => {
    expect(await fresh().read("T-999999")).toBeUndefined();
    await expect(fresh().close("T-999999", "")).rejects.toMatchObject({ code: "not_found" });
    await expect(fresh().update("T-999999", content)).rejects.toMatchObject({ code: "not_found" });
  });
}
