import { chmodSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import type { Revealed } from "../../../src/features/access/claim.ts";
import { startCluster } from "../../../src/platform/embedded/cluster.ts";
import { prepareOrdersDb } from "../../../src/sandbox/orders-db.ts";

/** A Postgres of its own whose logins are given and taken, as the demo has it. */
export interface Orders {
  /** Manager's connection string. */
  url: string;
  asAdmin<T extends object>(statement: string): Promise<T[]>;
  /** Names of all logins with our prefix. */
  logins(): Promise<string[]>;
  stop(): Promise<void>;
}

export async function startOrders(): Promise<Orders> {
  const home = await mkdtemp(join(tmpdir(), "quarterdeck-access-"));
  // As root, Postgres' own account must get in.
  chmodSync(home, 0o755);
  const cluster = await startCluster({
    name: "access-test",
    dir: join(home, "cluster"),
    port: 0,
    portOption: "none",
    initdbOptions: ["--no-sync"],
    settings: { fsync: "off", synchronous_commit: "off", shared_buffers: "32MB", autovacuum: "off" },
  });
  const url = await prepareOrdersDb(cluster);
  const asAdmin = async <T extends object>(statement: string): Promise<T[]> => {
    const client = new pg.Client({ connectionString: cluster.url("orders") });
    await client.connect();
    try {
      return (await client.query<T>(statement)).rows;
    } finally {
      await client.end();
    }
  };
  return {
    url,
    asAdmin,
    logins: async () =>
      (
        await asAdmin<{ name: string }>(
          "select rolname as name from pg_roles where starts_with(rolname, 'qd_') order by 1",
        )
      ).map(({ name }) => name),
    stop: async () => {
      await cluster.stop();
      await rm(home, { recursive: true, force: true });
    },
  };
}

export interface Login {
  login: string;
  password: string;
  address: string;
}

export async function signIn({ login, password, address }: Login): Promise<pg.Client> {
  const [host, rest = ""] = address.split(":");
  const [port, database] = rest.split("/");
  const client = new pg.Client({ host, port: Number(port), database, user: login, password });
  client.on("error", () => undefined);
  await client.connect();
  return client;
}

export const canSignIn = (login: Login): Promise<boolean> =>
  signIn(login).then(
    async (client) => {
      await client.end();
      return true;
    },
    () => false,
  );

/** The login in a credential that was revealed. */
export function loginFrom(parts: Revealed): Login {
  const value = (id: string): string => parts.find((part) => part.id === id)?.value ?? "";
  return { login: value("login"), password: value("password"), address: value("address") };
}
