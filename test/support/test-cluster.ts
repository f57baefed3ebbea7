import { chmodSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startCluster } from "../../src/platform/embedded/cluster.ts";
import { stopPostmaster } from "../../src/platform/embedded/postmaster.ts";
import { processFacts } from "../../src/platform/embedded/process-facts.ts";

export interface TestCluster {
  adminUrl: string;
  stop(): Promise<void>;
}

const prefix = "quarterdeck-test-postgres-";

/** A cluster in a temporary folder, without any care for durability; stop() removes it. */
export async function startTestCluster(): Promise<TestCluster> {
  const home = await mkdtemp(join(tmpdir(), prefix));
  // mkdtemp gives mode 700; as root, Postgres' own account must get in.
  chmodSync(home, 0o755);
  await writeFile(join(home, "owner"), `${process.pid} ${processFacts(process.pid)?.startMark}`);
  const cluster = await startCluster({
    name: "test",
    dir: join(home, "cluster"),
    port: 0,
    portOption: "DATABASE_URL_TEST_ADMIN",
    initdbOptions: ["--no-sync"],
    settings: {
      fsync: "off",
      synchronous_commit: "off",
      full_page_writes: "off",
      max_connections: 300,
      shared_buffers: "64MB",
      autovacuum: "off",
    },
  });
  return {
    adminUrl: cluster.url(),
    stop: async () => {
      await cluster.stop();
      await rm(home, { recursive: true, force: true });
    },
  };
}

/** Clears away clusters of test runs that were killed before they could do it themselves. */
export async function sweepTestClusters(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    if (!name.startsWith(prefix)) continue;
    const home = join(tmpdir(), name);
    const owner = await readFile(join(home, "owner"), "utf8").catch(() => undefined);
    // Without an owner the folder is being made this moment, or belongs to another user.
    if (owner === undefined) continue;
    const [pid, ...mark] = owner.split(" ");
    if (processFacts(Number(pid))?.startMark === mark.join(" ")) continue;
    await stopPostmaster(join(home, "cluster", "data")).catch(() => undefined);
    await rm(home, { recursive: true, force: true }).catch(() => undefined);
  }
}
