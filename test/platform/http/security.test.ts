import { existsSync, readFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { nameField } from "../../../src/catalog/fields.ts";
import { loadCatalog } from "../../../src/catalog/load.ts";
import { declaredFeatures } from "../../../src/cli/declared.ts";
import { apiTokenOf, createApiToken } from "../../../src/platform/apitokens.ts";
import { createAuthz } from "../../../src/platform/authz.ts";
import { createDispatcher } from "../../../src/platform/dispatch.ts";
import { systemActor } from "../../../src/platform/people.ts";
import { refusalText } from "../../../src/platform/refusal.ts";
import { SecretBox } from "../../../src/platform/secretbox.ts";
import { createSessions } from "../../../src/platform/sessions.ts";
import { type TestDatabase, testDatabase } from "../../support/database.ts";
import { keptLog } from "../../support/silent-log.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const dev = { team: "T0LOCAL", person: "U0DEV" };
const box = new SecretBox("ab".repeat(32));
let test: TestDatabase;
beforeAll(async () => {
  test = await testDatabase();
});
afterAll(() => test?.close());

const looksLike = [
  ["a Cyrillic o", "sh\u043Ep"],
  ["a full-width letter", "\uFF53hop"],
  ["a zero-width space", "sh\u200Bop"],
  ["a direction mark", "\u202Eshop"],
  ["a combining mark", "sho\u0308p"],
  ["300 characters", "shop".repeat(75)],
] as const;

it("a stolen worker's database login can do no more than the app's role", async () => {
  await test.database.tx(async (tx) =>
    tx.audit({ actor: systemActor, action: "thing.changed", subject: "kept" }),
  );
  const attempts = [
    "update audit set person = 'U0DEV'",
    "delete from audit",
    "truncate audit",
    "alter table audit disable trigger all",
    "drop table audit",
    "set session_replication_role = replica",
    "create role more superuser",
    "alter role quarterdeck_app superuser",
    "select rolpassword from pg_authid",
    "copy (select 1) to program 'id'",
    "select pg_read_file('/etc/passwd')",
    "create table public.mine (a int)",
    "insert into quarterdeck_migration values ('x', 'y')",
  ];
  const done: string[] = [];
  for (const attempt of attempts)
    await sql
      .raw(attempt)
      .execute(test.db)
      .then(
        () => done.push(attempt),
        () => undefined,
      );
  expect(done).toEqual([]);
});

describe("rows that were tampered with", () => {
  it("an administrator of the database opens nothing that is sealed, wherever they put it", () => {
    const sealed = box.seal("grant:G-1", "the password");
    expect(sealed.includes("the password")).toBe(false);
    expect(box.open("grant:G-1", sealed)).toBe("the password");
    // Under the id of a grant of their own, it would be shown to them.
    expect(() => box.open("grant:G-2", sealed)).toThrow();
    expect(() => new SecretBox("cd".repeat(32)).open("grant:G-1", sealed)).toThrow();
    for (const at of [0, 12, 28, sealed.length - 1]) {
      const bent = Buffer.from(sealed);
      bent[at] = (bent[at] as number) ^ 1;
      expect(() => box.open("grant:G-1", bent)).toThrow();
    }
  });

  it("an administrator of the database makes no cookie and no token of the API out of rows", async () => {
    const sessions = createSessions({
      database: test.database,
      box,
      isSecure: false,
      isKnown: () => true,
      now: () => test.clock.now(),
    });
    let cookie = "";
    const res = {
      appendHeader: (_name: string, value: string) => {
        cookie = value.split(";")[0] as string;
      },
    };
    await sessions.begin(res as unknown as ServerResponse, dev, { by: "oidc" });
    const of = (given: string) => sessions.of({ headers: { cookie: given } } as IncomingMessage);
    expect(await of(cookie)).toBeDefined();
    const made = await createApiToken(test.database, systemActor, dev, { scopes: ["read"] }, [], box);
    if (!made.ok) throw new Error(made.refusal.message);
    const { rows } = await sql<{ id_hash: string }>`select id_hash from sessions`.execute(test.db);
    const { rows: tokens } = await sql<{ token_hash: string }>`select token_hash from api_tokens`.execute(
      test.db,
    );
    for (const { id_hash } of rows)
      expect(await of(`qd_session=${id_hash}.${box.sign(`other:${id_hash}`)}`)).toBeUndefined();
    for (const { token_hash } of tokens)
      expect(await apiTokenOf(test.db, token_hash, test.clock.now(), box)).toBeUndefined();
    // A row of their own, with the hash of a token they thought of: it takes the key to make one that counts.
    await sql`update api_tokens set token_hash = encode(sha256('qda_mine'), 'hex')`.execute(test.db);
    expect(await apiTokenOf(test.db, "qda_mine", test.clock.now(), box)).toBeUndefined();
    // Nor from a session they wrote whole: its cookie is signed.
    await sql`update sessions set id_hash = encode(sha256('mine'), 'hex')`.execute(test.db);
    for (const signature of ["", "x", new SecretBox("cd".repeat(32)).sign("session:mine")])
      expect(await of(`qd_session=mine.${signature}`)).toBeUndefined();
  });
});

describe("names", () => {
  it("names of 300 characters and look-alikes are no names of the catalog", () => {
    expect(nameField.safeParse("shop").success).toBe(true);
    for (const [what, name] of looksLike)
      expect([what, nameField.safeParse(name).success]).toEqual([what, false]);
  });

  it("a look-alike or endless name in a command is refused in few words, and never taken for the real one", async () => {
    const loaded = await loadCatalog("config/sample", {});
    if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
    const { catalog } = loaded;
    const dispatcher = createDispatcher({
      database: test.database,
      clock: test.clock,
      log: keptLog(),
      catalogs: { current: () => catalog } as never,
      authz: createAuthz(
        () => catalog,
        async () => [],
      ),
      commands: () => declaredFeatures().flatMap((feature) => feature.commands ?? []),
    });
    const actor = { team: "T0LOCAL", person: "U0ONCALL", door: "slack" } as const;
    const check = (line: string) => dispatcher.check(actor, line, test.clock.now());
    expect((await check("rollout start shop v42")).ok).toBe(true);
    for (const [what, name] of looksLike)
      for (const line of [
        `rollout start ${name} v42`,
        `status ${name}`,
        `access request ${name} readonly 15m INC-1 x`,
      ]) {
        const answer = await check(line);
        expect([what, line, answer.ok]).toEqual([what, line, false]);
        if (!answer.ok) expect(refusalText(answer.refusal).length).toBeLessThan(600);
      }
  });
});

it("every test that docs/security.md names is there", () => {
  const page = readFileSync("docs/security.md", "utf8");
  const lines = page.split("\n").filter((line) => line.startsWith("- test/"));
  expect(lines.length).toBeGreaterThan(10);
  for (const line of lines) {
    const files = line.match(/test\/[\w./-]+\.test\.ts/g) ?? [];
    for (const file of files) expect([file, existsSync(file)]).toEqual([file, true]);
    const text = readFileSync(files[0] as string, "utf8");
    for (const [, name] of line.matchAll(/"([^"]+)"/g))
      expect([files[0], name, text.includes(name as string)]).toEqual([files[0], name, true]);
  }
});
