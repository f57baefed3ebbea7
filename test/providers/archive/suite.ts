import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Archive } from "../../../src/platform/audit/archive.ts";

/** What every kind of archive does. `open` is called once. */
export function archiveSuite(
  kind: string,
  open: () => Promise<{ archive: Archive; close(): Promise<void> }>,
): void {
  describe(`an archive that is ${kind}`, () => {
    let archive: Archive;
    let close: () => Promise<void>;
    const until = new Date("2027-02-23T00:00:00.000Z");
    const put = (name: string, text: string) => archive.put(name, Buffer.from(text), until);
    const listed = async (prefix: string, after?: string) => {
      const names: string[] = [];
      for await (const name of archive.list(prefix, after)) names.push(name);
      return names;
    };
    beforeAll(async () => {
      ({ archive, close } = await open());
    });
    afterAll(() => close());

    it("has nothing at first, and says so", async () => {
      expect(await listed("seals/")).toEqual([]);
      expect(await archive.get("seals/000000/0000000001.json")).toBeUndefined();
    });

    it("gives back what it was given, byte by byte", async () => {
      const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
      await archive.put("keys/all.pem", bytes, until);
      expect(bytes.equals((await archive.get("keys/all.pem")) as Buffer)).toBe(true);
    });

    it("takes the same again, and refuses other bytes where something stands", async () => {
      await put("entries/000000/0000000001.jsonl", "{}\n");
      await put("entries/000000/0000000001.jsonl", "{}\n");
      await expect(put("entries/000000/0000000001.jsonl", "[]\n")).rejects.toMatchObject({ code: "taken" });
      expect((await archive.get("entries/000000/0000000001.jsonl"))?.toString()).toBe("{}\n");
    });

    it("lists in order, from a name on, one kind alone", async () => {
      const names = ["000000/0000000001", "000000/0000000002", "000001/0000010000", "000001/0000010001"].map(
        (name) => `seals/${name}.json`,
      );
      for (const name of [...names].reverse()) await put(name, name);
      expect(await listed("seals/")).toEqual(names);
      expect(await listed("seals/", names[1])).toEqual(names.slice(2));
      expect(await listed("seals/", names[3])).toEqual([]);
      expect(await listed("entries/")).toEqual(["entries/000000/0000000001.jsonl"]);
    });

    it("keeps one of two who write the same name at once", async () => {
      const tries = await Promise.allSettled(
        ["one", "two"].map((text) => put("seals/000000/0000000009.json", text)),
      );
      expect(tries.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    });
  });
}
