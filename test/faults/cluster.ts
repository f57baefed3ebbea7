import { join } from "node:path";
import { type Cluster, startCluster } from "../../src/platform/embedded/cluster.ts";
import { isAlive } from "../../src/platform/embedded/process-facts.ts";
import { provisionDatabase } from "../../src/platform/embedded/provision.ts";
import { until } from "../support/until.ts";
import { removedFolder } from "./folders.ts";

/** A Postgres server of one test, which may stop and start it. */
export interface OwnPostgres {
  url: string;
  ownerUrl: string;
  /** `kill`: the server and what it had not written are gone at once, as in a power cut of its process. */
  stop(how: "in order" | "kill"): Promise<void>;
  /** On the same port, with the same data. */
  start(): Promise<void>;
  drop(): Promise<void>;
}

export async function startOwnPostgres(): Promise<OwnPostgres> {
  const folder = await removedFolder();
  const options = {
    name: "faults",
    dir: join(folder.path, "cluster"),
    port: 0,
    portOption: "none",
    initdbOptions: ["--no-sync"],
    // Processes are killed here, not machines: what was written is kept without fsync. Commits stay synchronous.
    settings: { fsync: "off", shared_buffers: "64MB", max_connections: 200 },
  };
  let cluster: Cluster = await startCluster(options);
  const role = async (user: string) => ({ user, password: await cluster.password(user) });
  const [owner, app] = [await role("quarterdeck_owner"), await role("quarterdeck_app")];
  await provisionDatabase(cluster.url(), { database: "quarterdeck", owner, app });
  return {
    url: cluster.url("quarterdeck", app),
    ownerUrl: cluster.url("quarterdeck", owner),
    async stop(how) {
      if (how === "in order") return cluster.stop();
      process.kill(cluster.pid, "SIGKILL");
      await until("the server to be gone", () => !isAlive(cluster.pid));
    },
    async start() {
      cluster = await startCluster({ ...options, port: cluster.port });
    },
    async drop() {
      await cluster.stop();
      await folder.remove();
    },
  };
}
