import { Writable } from "node:stream";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { writeEntries } from "../../../src/cli/audit-export.ts";
import { csv, csvCell } from "../../../src/features/trail/export/csv.ts";
import type { EntryBody } from "../../../src/features/trail/export/entry.ts";
import { entriesBetween, type Span } from "../../../src/features/trail/export/index.ts";
import { jsonl } from "../../../src/features/trail/export/jsonl.ts";
import { ocsf, ocsfEvent } from "../../../src/features/trail/export/ocsf.ts";
import { type AuditWorld, auditWorld } from "../../platform/audit/world.ts";

const entry: EntryBody = {
  seq: 7,
  at: "2026-03-02T10:00:00.000Z",
  actor: { team: "T0LOCAL", person: "U0LEAD", door: "slack" },
  action: "rollout.started",
  subject: "R-1",
  service: "shop",
  before: "none",
  after: "starting",
  reason: 'the "new" one,\nsince noon',
  detail: { version: "v42" },
  catalog: "c0ffee",
  correlation: "R-1",
};
const written = (read: EntryBody) => ({ body: JSON.stringify(read), read });

describe("CSV", () => {
  it.each([
    ["=1+1", `"'=1+1"`],
    ["+1", `"'+1"`],
    ["-", `"'-"`],
    ["@SUM(A1)", `"'@SUM(A1)"`],
    ["\t=1", `"'\t=1"`],
    ["\r=1", `"'\r=1"`],
    ["  =1", `"'  =1"`],
    ["\u00a0=cmd|' /C calc'!A0", `"'\u00a0=cmd|' /C calc'!A0"`],
    ["＝1", `"'＝1"`],
    ['=HYPERLINK("http://x","y")', `"'=HYPERLINK(""http://x"",""y"")"`],
    ["plain, with a comma", '"plain, with a comma"'],
    ["R-1", '"R-1"'],
    [undefined, '""'],
    [7, '"7"'],
  ])("writes %j so that no spreadsheet runs it", (value, cell) => {
    expect(csvCell(value)).toBe(cell);
  });

  it("has a cell for each column of its head, and keeps line breaks inside them", () => {
    const line = csv.line(written(entry));
    expect(line).toBe(
      '"7","2026-03-02T10:00:00.000Z","T0LOCAL","U0LEAD","slack","rollout.started","R-1","shop","none","starting","the ""new"" one,\nsince noon","{""version"":""v42""}","c0ffee","R-1"\r\n',
    );
    expect(csv.head.split(",")).toHaveLength(14);
  });
});

/** Attributes of the class in OCSF 1.9.0 that are used here; those it requires are not optional. */
const entityManagement = z.strictObject({
  activity_id: z.union([z.literal(1), z.literal(2), z.literal(3), z.literal(4)]),
  activity_name: z.enum(["Create", "Read", "Update", "Delete"]),
  category_uid: z.literal(3),
  category_name: z.literal("Identity & Access Management"),
  class_uid: z.literal(3004),
  class_name: z.literal("Entity Management"),
  type_uid: z.int().min(300_401).max(300_404),
  type_name: z.string(),
  severity_id: z.int().min(0).max(6),
  severity: z.string(),
  status_id: z.literal(1),
  status: z.literal("Success"),
  time: z.int().positive(),
  message: z.string(),
  comment: z.string().optional(),
  metadata: z.strictObject({
    version: z.literal("1.9.0"),
    product: z.strictObject({ name: z.string(), vendor_name: z.string() }),
    uid: z.string(),
    sequence: z.int(),
    event_code: z.string(),
    log_name: z.string(),
    original_time: z.string(),
    correlation_uid: z.string().optional(),
  }),
  // One of user and app_name, as the actor object asks.
  actor: z.union([
    z.strictObject({ user: z.strictObject({ uid: z.string(), org: z.strictObject({ uid: z.string() }) }) }),
    z.strictObject({ app_name: z.string() }),
  ]),
  entity: z.strictObject({
    uid: z.string(),
    name: z.string(),
    type: z.string(),
    data: z.record(z.string(), z.unknown()).optional(),
  }),
  unmapped: z.record(z.string(), z.unknown()),
});

describe("OCSF", () => {
  it.each<[string, Partial<EntryBody>, number]>([
    ["a beginning", {}, 1],
    ["a change", { action: "rollout.paused" }, 3],
    ["a read", { action: "audit.read" }, 2],
    ["an end", { action: "access.ended" }, 4],
    ["Quarterdeck's own", { actor: { team: "-", person: "quarterdeck", door: "system" } }, 1],
    [
      "the least that an entry holds",
      { service: undefined, reason: undefined, detail: undefined, correlation: undefined },
      1,
    ],
  ])(
    "has what Entity Management requires for %s, and nothing that it does not know",
    (_what, more, activity) => {
      const event = ocsfEvent({ ...entry, ...more });
      expect(entityManagement.parse(event)).toEqual(event);
      expect(event).toMatchObject({
        activity_id: activity,
        type_uid: 300_400 + activity,
        time: 1_772_445_600_000,
      });
      expect(JSON.parse(ocsf.line(written({ ...entry, ...more })))).toEqual(event);
    },
  );
});

describe("an export", () => {
  let world: AuditWorld;
  const noon = new Date("2026-03-02T10:01:00Z");
  beforeAll(async () => {
    world = await auditWorld();
    await world.add(5);
    await world.keeper.turn();
    world.test.clock.set(noon);
    await world.add(8);
  });
  afterAll(() => world.close());

  const numbers = async (span: Partial<Span> = {}, withArchive = true) => {
    const missing: number[] = [];
    const seen: number[] = [];
    const whole = { from: undefined, until: undefined, ...span };
    for await (const page of entriesBetween(
      world.test.db,
      withArchive ? world.archive : undefined,
      whole,
      (first) => missing.push(first),
    ))
      seen.push(...page.map((body) => (JSON.parse(body) as EntryBody).seq));
    return { seen, missing };
  };

  it("has every entry of its time once, oldest first, also what has left the database", async () => {
    const last = Number(
      (await world.test.db.selectFrom("audit_head").select("seq").executeTakeFirstOrThrow()).seq,
    );
    const all = Array.from({ length: last }, (_, at) => at + 1);
    expect(await numbers()).toEqual({ seen: all, missing: [] });
    await world.dba.query("delete from audit_chained where seq <= 5");
    expect(await numbers()).toEqual({ seen: all, missing: [] });
    expect((await numbers({ from: noon })).seen).toEqual(all.slice(-8));
    expect((await numbers({ until: noon })).seen).toEqual(all.slice(0, -8));
    expect(await numbers({}, false)).toEqual({ seen: all.slice(5), missing: [6] });
  });

  it("holds no more than a page at once, however slowly it is taken", async () => {
    const body = JSON.stringify(entry);
    const pages = async function* () {
      for (let page = 0; page < 50; page += 1) yield Array.from({ length: 100 }, () => body);
    };
    let most = 0;
    let bytes = 0;
    const slow = new Writable({
      highWaterMark: 1_024,
      write(chunk: Buffer, _encoding, done) {
        most = Math.max(most, slow.writableLength);
        bytes += chunk.length;
        setImmediate(done);
      },
    });
    expect(await writeEntries(pages(), jsonl, slow)).toBe(5_000);
    expect(bytes).toBe(5_000 * (body.length + 1));
    expect(most).toBeLessThanOrEqual(100 * (body.length + 1));
  });
});
