import { expect, it } from "vitest";
import type { Note, Ticketing } from "../../../src/providers/ticketing/contract.ts";

const content = {
  title: "shop: HighErrorRate",
  body: "Checkout fails\n<b>",
  owner: "storefront",
  severity: "critical",
};

/** What a system's test brings. */
export interface TicketingBench {
  ticketing(): Ticketing;
  now(): Date;
  /** Its next effect happens, and the answer is lost; left out where no answer can be. */
  loseNext?(): void;
  /** Texts of what was said on a ticket, in order; left out where nothing is. */
  notes?(key: string): Promise<readonly string[]>;
  /** An account that tickets can be assigned to, and how it shows. */
  account?: { id: string; shown: string };
  /** Longest title it keeps. */
  titleCharsMax?: number;
}

/** What every ticket system must do. Markers are never used twice. */
export function ticketingConformance(bench: () => TicketingBench): void {
  let sequence = 0;
  const marker = () => {
    sequence += 1;
    return `T-${sequence}`;
  };
  const note = (mark: string, text = "Over after 5 min."): Note => ({ text, mark, since: bench().now() });
  const fresh = () => bench().ticketing();

  it("opens one ticket per marker, and tells T-1 from T-11", async () => {
    const since = bench().now();
    const ours = marker();
    const made = await fresh().create(content, `${ours}1`, null);
    const other = await fresh().create(content, ours, since);
    expect(other.key).not.toBe(made.key);
    expect((await fresh().create(content, ours, since)).key).toBe(other.key);
    expect((await fresh().create(content, `${ours}1`, since)).key).toBe(made.key);
    expect(await fresh().read(other.key)).toMatchObject({
      state: "open",
      title: content.title,
      assignee: null,
    });
  });

  it("finds the ticket whose answer was lost, and opens no second one", async () => {
    const { loseNext, now } = bench();
    if (loseNext === undefined) return;
    const ours = marker();
    const since = now();
    loseNext();
    await expect(fresh().create(content, ours, null)).rejects.toMatchObject({ code: "unreachable" });
    const found = await fresh().create(content, ours, since);
    expect((await fresh().create(content, ours, since)).key).toBe(found.key);
  });

  it("brings words up to date, closes, says again that it is closed, and opens again", async () => {
    const ours = marker();
    const { key } = await fresh().create(content, ours, null);
    await fresh().update(key, { ...content, title: "shop: worse" }, ours);
    expect((await fresh().read(key))?.title).toBe("shop: worse");
    await fresh().close(key, note(`${ours}/2`));
    await fresh().close(key, note(`${ours}/2`));
    expect((await fresh().read(key))?.state).toBe("closed");
    await fresh().update(key, content, ours);
    expect((await fresh().read(key))?.state).toBe("open");
    expect((await fresh().create(content, ours, bench().now())).key).toBe(key);
  });

  it("says a thing once, however often it is asked to", async () => {
    const { notes, loseNext } = bench();
    const ours = marker();
    const { key } = await fresh().create(content, ours, null);
    await fresh().comment(key, note(`${ours}/1`, "Olive Okafor is on it."));
    await fresh().comment(key, note(`${ours}/1`, "Olive Okafor is on it."));
    if (notes === undefined) return;
    loseNext?.();
    await expect(fresh().comment(key, note(`${ours}/2`, "Again."))).rejects.toMatchObject({
      code: "unreachable",
    });
    await fresh().comment(key, note(`${ours}/2`, "Again."));
    const said = await notes(key);
    expect(said).toHaveLength(2);
    expect(said[0]).toContain("Olive Okafor is on it.");
  });

  it("shows who it is assigned to", async () => {
    const { account } = bench();
    const { key } = await fresh().create(content, marker(), null);
    if (account === undefined) return fresh().assign(key, "dana");
    await fresh().assign(key, account.id);
    expect((await fresh().read(key))?.assignee).toBe(account.shown);
  });

  it("takes a title of 3,000 characters and a body of a million, cut to its limits", async () => {
    const { titleCharsMax } = bench();
    const ours = marker();
    const huge = {
      ...content,
      title: `a\n${"🦊".repeat(1_500)}`,
      body: "<!-- @dana *x* -->\n/close\n".repeat(40_000),
    };
    const { key } = await fresh().create(huge, ours, null);
    await fresh().update(key, { ...huge, body: `changed\n${huge.body}` }, ours);
    const shown = await fresh().read(key);
    expect(shown?.title.length).toBeLessThanOrEqual(titleCharsMax ?? Number.POSITIVE_INFINITY);
    expect(shown?.title.isWellFormed()).toBe(true);
    expect((await fresh().create(huge, ours, bench().now())).key).toBe(key);
  });

  it("knows no ticket it did not open", async () => {
    const unknown = (await fresh().create(content, marker(), null)).key.replace(/\d+$/, "999999");
    expect(await fresh().read(unknown)).toBeUndefined();
    await expect(fresh().close(unknown, note("x"))).rejects.toMatchObject({ code: "not_found" });
    await expect(fresh().update(unknown, content, "T-0")).rejects.toMatchObject({ code: "not_found" });
    await expect(fresh().comment(unknown, note("x"))).rejects.toMatchObject({ code: "not_found" });
    await expect(fresh().assign(unknown, bench().account?.id ?? "dana")).rejects.toMatchObject({
      code: "not_found",
    });
  });
}
