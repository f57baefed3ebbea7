import { randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { inspect } from "node:util";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { poll } from "../../../src/platform/embedded/wait.ts";
import { Secret } from "../../../src/platform/secret.ts";
import {
  type Accessor,
  externalNameOf,
  type Granted,
  type GrantRef,
} from "../../../src/providers/accessors/contract.ts";
import {
  createPostgresAccessor,
  type PostgresAccessorOptions,
} from "../../../src/providers/accessors/postgres.ts";
import { leastPrivilegeSetup } from "../../../src/providers/accessors/postgres-setup.ts";
import { findService } from "../../support/services.ts";
import { type LoggedCluster, startEmbedded, startInstalled } from "./cluster.ts";
import { type AccessorHarness, accessorConformance } from "./conformance.ts";
import { anybody, loginOf, partOf } from "./granted.ts";
import { losingAnswersAfter } from "./lossy-proxy.ts";

const older = findService("postgres-15");
const manager = { name: "qdmanager", password: "manager-of-tests" };
const expiresAt = new Date("2099-06-01T10:00:00Z");

for (const server of [
  { name: "the embedded Postgres", start: startEmbedded, isThere: true },
  { name: "Postgres 15", start: () => startInstalled(older ?? ""), isThere: older !== undefined },
]) {
  describe.runIf(server.isThere)(
    `the Postgres accessor on ${server.name}, as a least-privilege manager`,
    () => {
      let cluster: LoggedCluster;
      let version = 0;

      const urlTo = (user: string, password: string, database: string, port = cluster.port) =>
        `postgres://${user}:${encodeURIComponent(password)}@127.0.0.1:${port}/${database}`;
      const options = (change: Partial<PostgresAccessorOptions> = {}): PostgresAccessorOptions => ({
        url: new Secret(urlTo(manager.name, manager.password, "orders")),
        databases: ["orders", "billing"],
        groups: ["app_ro", "app_rw", "strong", "absent"],
        leftoversOwner: "leftovers",
        deadlineMs: 15_000,
        randomBytes,
        ...change,
      });
      const accessor = (change: Partial<PostgresAccessorOptions> = {}): Accessor =>
        createPostgresAccessor(options(change));

      async function as<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
        const client = new pg.Client({ connectionString: url });
        client.on("error", () => undefined);
        await client.connect();
        try {
          return await work(client);
        } finally {
          await client.end().catch(() => undefined);
        }
      }
      const admin = <T>(database: string, work: (client: pg.Client) => Promise<T>): Promise<T> => {
        const url = new URL(cluster.adminUrl);
        url.pathname = `/${database}`;
        return as(url.href, work);
      };
      const asGrantee = <T>(
        granted: Granted,
        work: (client: pg.Client) => Promise<T>,
        database = "orders",
      ): Promise<T> => as(urlTo(...loginOf(granted), database), work);
      const snapshot = (externalName: string, change: Partial<GrantRef> = {}): GrantRef => ({
        externalName,
        grantee: anybody,
        terms: { grantRole: "app_ro" },
        ...change,
      });
      const granting = (key: string, memberships = ["app_ro"], by = accessor()) =>
        by.grant(
          {
            externalName: externalNameOf(key),
            grantee: anybody,
            terms: { grantRole: memberships },
            expiresAt,
          },
          key,
        );

      beforeAll(async () => {
        cluster = await server.start();
        await admin("postgres", async (client) => {
          const { rows } = await client.query("select current_setting('server_version_num')::int as version");
          version = rows[0].version;
          for (const statement of [
            "create role app_ro nologin",
            "create role app_rw nologin",
            "create role strong nologin createrole",
            "create role leftovers nologin",
            `create role ${manager.name} login password '${manager.password}'`,
            ...leastPrivilegeSetup(manager.name, ["app_ro", "app_rw", "strong"], "leftovers", {
              serverVersion: version,
            }),
            "create database orders",
            "create database billing",
            "create database untouched allow_connections false",
          ])
            await client.query(statement);
        });
        for (const database of ["orders", "billing"])
          await admin(database, async (client) => {
            await client.query("create table stuck (id int); insert into stuck values (1)");
            await client.query(
              "grant select on stuck to app_ro; grant select, insert on stuck to app_rw; grant usage, create on schema public to app_rw",
            );
            await client.query("grant create on schema public to app_ro");
          });
      });
      afterAll(async () => {
        await cluster?.stop();
      });

      accessorConformance(
        {
          ownEndPrecisionMs: 1,
          takesPastEnds: true,
          sessions: "cut",
          secrets: "renewed",
          effect: "own",
          isMarked: true,
          isListed: true,
          endsAtOnce: true,
        },
        async (): Promise<AccessorHarness> => ({
          accessor: accessor(),
          losingAnswers: async () => {
            const proxy = await losingAnswersAfter("COMMIT", cluster.port);
            const url = new Secret(urlTo(manager.name, manager.password, "orders", proxy.port));
            return { accessor: accessor({ url, deadlineMs: 2_000 }), close: proxy.close };
          },
          roles: [{ grantRole: "app_ro" }, { grantRole: ["app_rw"] }, { grantRole: ["app_rw", "app_ro"] }],
          membershipsOf: ({ grantRole }) => [grantRole as string | string[]].flat().sort(),
          hostileTerms: [
            '"; DROP ROLE x; --',
            "app_ro; DROP ROLE app_rw",
            "app_rо",
            "ａpp_ro",
            "app\u200b_ro",
            "App_ro",
            "postgres",
            "pg_execute_server_program",
            "pg_write_server_files",
            "qd_other",
            "strong",
            "",
            "a".repeat(64),
          ].map((hostile) => ({ grantRole: ["app_ro", hostile] })),
          works: async (granted) => {
            try {
              return await asGrantee(
                granted,
                async (client) => (await client.query("select id from stuck")).rows.length === 1,
              );
            } catch (error) {
              if ((error as { code?: string }).code?.startsWith("28")) return false;
              throw error;
            }
          },
          openSession: async (granted) => {
            const client = new pg.Client({
              connectionString: urlTo(...loginOf(granted), "orders"),
            });
            client.on("error", () => undefined);
            await client.connect();
            return {
              isAlive: () =>
                client.query("select 1").then(
                  () => true,
                  () => false,
                ),
              close: () => client.end().catch(() => undefined),
            };
          },
        }),
      );

      it("reads what the group may read and writes nothing", async () => {
        const granted = await granting("rights");
        await asGrantee(granted, async (client) => {
          expect((await client.query("select id from stuck")).rows).toEqual([{ id: 1 }]);
          await expect(client.query("insert into stuck values (2)")).rejects.toMatchObject({ code: "42501" });
          await expect(client.query("create role mine")).rejects.toMatchObject({ code: "42501" });
        });
        await accessor().revoke(snapshot("qd_rights"));
      });

      it("never sends a password to the server: the log holds the verifier only", async () => {
        const granted = await granting("logged");
        const again = await granting("logged");
        await accessor().revoke(snapshot("qd_logged"));
        const log = await poll(async () => {
          const text = await cluster.log();
          return text.includes('DROP ROLE "qd_logged"') ? text : undefined;
        }, 10_000);
        expect(log).toMatch(/CREATE ROLE "qd_logged" LOGIN PASSWORD 'SCRAM-SHA-256\$4096:/);
        expect(log).not.toContain(partOf(granted, "password"));
        expect(log).not.toContain(partOf(again, "password"));
      });

      it("ends a session that became its group, and from 16 on does not let it become its group", async () => {
        const granted = await granting("becomes");
        const client = new pg.Client({
          connectionString: urlTo(...loginOf(granted), "orders"),
        });
        client.on("error", () => undefined);
        await client.connect();
        const became = await client.query("SET ROLE app_ro").then(
          () => true,
          () => false,
        );
        expect(became).toBe(version < 160_000);
        const revoked = await accessor().revoke(snapshot("qd_becomes"));
        expect(revoked.sessionsEnded).toBe(1);
        await expect(client.query("select id from stuck")).rejects.toThrow();
        await client.end().catch(() => undefined);
      });

      it("shuts out a login that gets in without its password and past its end, as on a trust line", async () => {
        await accessor().grant(
          {
            externalName: "qd_trusted",
            grantee: anybody,
            terms: { grantRole: "app_ro" },
            expiresAt: new Date("2020-01-01T00:00:00Z"),
          },
          "trusted",
        );
        const file = await admin(
          "postgres",
          async (client) => (await client.query("show hba_file")).rows[0].hba_file,
        );
        const lines = readFileSync(file, "utf8");
        const reload = () => admin("postgres", (client) => client.query("select pg_reload_conf()"));
        const login = () =>
          as(urlTo("qd_trusted", "none", "orders"), (client) => client.query("select id from stuck"));
        writeFileSync(file, `host all qd_trusted 127.0.0.1/32 trust\n${lines}`);
        try {
          await reload();
          await expect
            .poll(
              () =>
                login().then(
                  () => "in",
                  () => "out",
                ),
              { timeout: 10_000 },
            )
            .toBe("in");
          expect((await accessor().revoke(snapshot("qd_trusted"))).readBack.exists).toBe(false);
          await expect(login()).rejects.toMatchObject({ code: "28000" });
        } finally {
          writeFileSync(file, lines);
          await reload();
        }
      });

      it("takes a login that others put into more groups, and leaves nothing of it in any catalog", async () => {
        const granted = await granting("more");
        await admin("orders", (client) => client.query('grant strong, app_rw to "qd_more"'));
        await asGrantee(granted, (client) => client.query("alter role qd_more set work_mem = '8MB'"));
        expect((await accessor().revoke(snapshot("qd_more"))).readBack.exists).toBe(false);
        const { rows } = await admin("orders", (client) =>
          client.query(
            `select (select count(*)::int from pg_auth_members where member = $1::oid or roleid = $1::oid)
               + (select count(*)::int from pg_db_role_setting where setrole = $1::oid)
               + (select count(*)::int from pg_shdepend where refobjid = $1::oid) as left_over`,
            [granted.externalId],
          ),
        );
        expect(rows).toEqual([{ left_over: 0 }]);
      });

      it("gives rights by the group alone: no table's list of rights grows with grants", async () => {
        const rights = () =>
          admin("orders", async (client) => {
            const { rows } = await client.query("select relacl::text from pg_class where relname = 'stuck'");
            return rows[0].relacl;
          });
        const before = await rights();
        await granting("acl", ["app_ro", "app_rw"]);
        expect(await rights()).toBe(before);
        await accessor().revoke(snapshot("qd_acl"));
      });

      it("says what stood open at the end, by the name clients give themselves, cleaned", async () => {
        const granted = await granting("looked");
        const [login, password] = loginOf(granted);
        const client = new pg.Client({
          connectionString: urlTo(login, password, "orders"),
          application_name: "psql <!channel>\n",
        });
        client.on("error", () => undefined);
        await client.connect();
        const { seen } = await accessor().revoke(snapshot("qd_looked"));
        expect(seen).toMatch(
          /^1 session was open at its end: psql <!channel>\S* since 20\d\d-\d\d-\d\d \d\d:\d\d UTC$/,
        );
        await client.end().catch(() => undefined);
        await granting("unused");
        expect((await accessor().revoke(snapshot("qd_unused"))).seen).toBe("no session was open at its end");
      });

      it("tells of its own sessions when it is late, and of others that were ended before their turn", async () => {
        const clients = [];
        for (const key of ["late", "later"]) {
          const client = new pg.Client({
            connectionString: urlTo(...loginOf(await granting(key)), "orders"),
            application_name: "psql",
          });
          client.on("error", () => undefined);
          await client.connect();
          clients.push(client);
          await admin("orders", (by) => by.query(`alter role qd_${key} valid until '2020-01-01'`));
        }
        expect(await accessor().revoke(snapshot("qd_late"))).toMatchObject({
          sessionsEnded: 1,
          seen: expect.stringMatching(/^1 session was open at its end: psql since/),
        });
        await poll(async () => {
          const { openSessions } = await accessor().verify(snapshot("qd_later"));
          return openSessions === 0 ? true : undefined;
        }, 10_000);
        expect(await accessor().revoke(snapshot("qd_later"))).toMatchObject({
          sessionsEnded: 0,
          seen: expect.stringContaining("its end came late"),
        });
        for (const client of clients) await client.end().catch(() => undefined);
      });

      it("ends a session in the middle of a long statement", async () => {
        const granted = await granting("busy");
        const client = new pg.Client({
          connectionString: urlTo(...loginOf(granted), "orders"),
        });
        client.on("error", () => undefined);
        await client.connect();
        const busy = client.query("begin; lock table stuck in access share mode; select pg_sleep(600)").then(
          () => "finished",
          () => "cut",
        );
        await accessor().revoke(snapshot("qd_busy"));
        expect(await busy).toBe("cut");
      });

      it("is not held up by what the grantee made or was given in two databases, and hands it to the owner", async () => {
        const granted = await granting("maker", ["app_rw"]);
        for (const database of ["orders", "billing"])
          await asGrantee(
            granted,
            (client) =>
              client.query(
                "create table kept (id int); insert into kept values (7); create type mood as enum ('ok'); grant select on kept to app_ro; alter default privileges grant select on tables to app_ro",
              ),
            database,
          );
        const revoked = await accessor().revoke(snapshot("qd_maker"));
        expect(revoked.cleaned).toEqual(["billing", "orders"]);
        expect(revoked.readBack.exists).toBe(false);
        for (const database of ["orders", "billing"])
          await admin(database, async (client) => {
            const { rows } = await client.query(
              "select tableowner, (select count(*)::int from kept) as n from pg_tables where tablename = 'kept'",
            );
            expect(rows).toEqual([{ tableowner: "leftovers", n: 1 }]);
            await client.query("drop table kept; drop type mood");
          });
      });

      it("says what is in the way when somebody else granted the login rights directly; it cannot log in meanwhile", async () => {
        const granted = await granting("direct");
        await admin("billing", (client) => client.query('grant insert on stuck to "qd_direct"'));
        await expect(accessor().revoke(snapshot("qd_direct"))).rejects.toMatchObject({
          code: "rejected",
          message: expect.stringContaining("1 object in database billing"),
          hint: expect.stringContaining("DROP OWNED BY qd_direct"),
        });
        await expect(asGrantee(granted, async () => undefined)).rejects.toMatchObject({
          code: expect.stringMatching(/^28/),
        });
        await admin("billing", (client) => client.query("drop owned by qd_direct"));
        expect((await accessor().revoke(snapshot("qd_direct"))).readBack.exists).toBe(false);
      });

      it("is not held up by a right on a whole database that the owner gave", async () => {
        await admin("orders", (client) => client.query("alter database billing owner to leftovers"));
        await granting("shared");
        await admin("orders", (client) =>
          client.query('grant create, temporary on database billing to "qd_shared"'),
        );
        expect((await accessor().revoke(snapshot("qd_shared"))).readBack.exists).toBe(false);
        await admin("orders", (client) => client.query("alter database billing owner to postgres"));
      });

      it("has barred the login and ended its sessions even when cleaning up fails, and goes on when it can", async () => {
        const granted = await granting("halfway", ["app_rw"]);
        await asGrantee(granted, (client) => client.query("create table mine (id int)"), "billing");
        await admin("billing", (client) => client.query(`revoke connect on database billing from public`));
        const open = new pg.Client({
          connectionString: urlTo(...loginOf(granted), "orders"),
        });
        open.on("error", () => undefined);
        await open.connect();
        try {
          await expect(accessor().revoke(snapshot("qd_halfway"))).rejects.toMatchObject({
            code: "unauthorised",
            message: expect.stringContaining("billing"),
            hint: expect.stringContaining("CONNECT on database billing"),
          });
          expect(await accessor().verify(snapshot("qd_halfway"))).toMatchObject({
            exists: true,
            canLogin: false,
            memberships: [],
            openSessions: 0,
          });
        } finally {
          await open.end().catch(() => undefined);
          await admin("billing", (client) => client.query(`grant connect on database billing to public`));
        }
        expect((await accessor().revoke(snapshot("qd_halfway"))).readBack.exists).toBe(false);
        await admin("billing", (client) => client.query("drop table mine"));
      });

      it("ends sessions that outlived their role, found by its oid", async () => {
        const granted = await granting("ghost");
        const client = new pg.Client({
          connectionString: urlTo(...loginOf(granted), "orders"),
        });
        client.on("error", () => undefined);
        await client.connect();
        await admin("orders", (as) => as.query('drop role "qd_ghost"'));
        expect((await client.query("select 1 as one")).rows).toEqual([{ one: 1 }]);
        expect((await accessor().revoke(snapshot("qd_ghost"))).sessionsEnded).toBe(0);
        const revoked = await accessor().revoke(snapshot("qd_ghost", { externalId: granted.externalId }));
        expect(revoked.sessionsEnded).toBe(1);
        await expect(client.query("select 1")).rejects.toThrow();
        await client.end().catch(() => undefined);
      });

      it("makes nothing at all when a group is missing, too strong or not the manager's to give", async () => {
        await expect(granting("missing", ["app_ro", "absent"])).rejects.toMatchObject({
          code: "not_found",
          message: expect.stringContaining("absent"),
        });
        await expect(granting("missing", ["app_ro", "strong"])).rejects.toMatchObject({
          code: "rejected",
          message: expect.stringContaining("power over the server"),
        });
        await admin("orders", (client) => client.query("create role foreign_group nologin"));
        const foreign = accessor({ groups: ["foreign_group"] });
        const plan = await foreign.plan({
          externalName: "qd_missing",
          grantee: anybody,
          terms: { grantRole: "foreign_group" },
          expiresAt,
        });
        if (version >= 160_000) {
          expect(plan.obstacles).toEqual([
            `The manager ${manager.name} has no ADMIN option on foreign_group`,
          ]);
          await expect(granting("missing", ["foreign_group"], foreign)).rejects.toMatchObject({
            code: "unauthorised",
            hint: expect.stringContaining("leastPrivilegeSetup"),
          });
        } else expect(plan.obstacles).toEqual([]);
        expect((await accessor().verify(snapshot("qd_missing"))).exists).toBe(false);
      });

      it("shows in a dry run the very statements that a grant and its end then run", async () => {
        const intent = {
          externalName: "qd_dry",
          grantee: anybody,
          terms: { grantRole: "app_ro" },
          expiresAt,
        };
        const plan = await accessor().plan(intent);
        expect(plan.statements[0]).toBe(
          `CREATE ROLE "qd_dry" LOGIN PASSWORD '<SCRAM verifier>' VALID UNTIL '2099-06-01 10:00:00.000+00' CONNECTION LIMIT 3`,
        );
        expect(plan.statements).toContain(
          `GRANT "app_ro" TO "qd_dry"${version >= 160_000 ? " WITH INHERIT TRUE, SET FALSE, ADMIN FALSE" : ""}`,
        );
        expect(plan.endStatements).toContain("/* in each database: orders, billing */");
        const granted = await accessor().grant(intent, "dry");
        await asGrantee(granted, (client) => client.query("create table t_dry (id int)"));
        // Out of its groups is who is in: nobody else notices.
        const inside = new pg.Client({ connectionString: urlTo(...loginOf(granted), "orders") });
        inside.on("error", () => undefined);
        await inside.connect();
        await accessor().revoke(snapshot("qd_dry"));
        const log = await poll(async () => {
          const text = await cluster.log();
          return text.includes('DROP ROLE "qd_dry"') ? text : undefined;
        }, 10_000);
        for (const statement of [
          ...plan.statements.slice(2),
          ...plan.endStatements.filter((text) => !/^(?:SELECT|\/\*)/.test(text)),
        ])
          expect(log).toContain(statement);
        await admin("orders", (client) => client.query("drop table t_dry"));
      });

      it("holds no more connections per grant than configured", async () => {
        const granted = await granting("limit", ["app_ro"], accessor({ connectionsMax: 2 }));
        const clients: pg.Client[] = [];
        const open = async () => {
          const client = new pg.Client({
            connectionString: urlTo(...loginOf(granted), "orders"),
          });
          client.on("error", () => undefined);
          clients.push(client);
          await client.connect();
        };
        for (let n = 0; n < 2; n += 1) await open();
        await expect(open()).rejects.toMatchObject({ code: "53300" });
        expect((await accessor().revoke(snapshot("qd_limit"))).sessionsEnded).toBe(2);
        await Promise.all(clients.map((client) => client.end().catch(() => undefined)));
      });

      it("says what is wrong when the manager cannot get in or the server is not there", async () => {
        const wrong = accessor({ url: new Secret(urlTo(manager.name, "wrong-password", "orders")) });
        const error = await wrong.list().catch((thrown: unknown) => thrown);
        expect(error).toMatchObject({ name: "ProviderError", code: "unauthorised" });
        expect(JSON.stringify(error) + String(error)).not.toContain("wrong-password");
        const nobody = accessor({ url: new Secret(urlTo(manager.name, manager.password, "orders", 1)) });
        await expect(nobody.list()).rejects.toMatchObject({ code: "unreachable" });
        const nowhere = accessor({ url: new Secret(urlTo(manager.name, manager.password, "nowhere")) });
        await expect(nowhere.list()).rejects.toMatchObject({ code: "not_found" });
      });

      it("refuses a url nobody can read, and does not repeat it", () => {
        const make = () => accessor({ url: new Secret("postgres://user:se/cret@[host/orders") });
        expect(make).toThrow(/no connection string/);
        try {
          make();
        } catch (error) {
          expect(inspect(error, { depth: 9 })).not.toContain("cret@");
        }
      });

      it("ends a call when its caller gives up", async () => {
        const proxy = await losingAnswersAfter("pg_roles", cluster.port);
        const slow = accessor({
          url: new Secret(urlTo(manager.name, manager.password, "orders", proxy.port)),
        });
        const caller = new AbortController();
        const listing = slow.list({ signal: caller.signal });
        caller.abort();
        await expect(listing).rejects.toMatchObject({ code: "timeout" });
        await proxy.close();
      });
    },
  );
}
