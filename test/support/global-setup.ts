import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestProject } from "vitest/node";
import { startTestCluster, sweepTestClusters, type TestCluster } from "./test-cluster.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** Address that answers with the administrator's connection string; the first question starts the cluster. */
    testPostgresDoor: string;
  }
}

/**
 * One Postgres for the whole run, started when the first test asks for a database: a run of pure tests starts none.
 * With DATABASE_URL_TEST_ADMIN (a superuser, or a role that may create roles and databases) that server is used.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const given = process.env.DATABASE_URL_TEST_ADMIN;
  let cluster: Promise<TestCluster> | undefined;
  const door = createServer((_request, response) => {
    cluster ??= given
      ? Promise.resolve({ adminUrl: given, stop: async () => undefined })
      : startTestCluster();
    cluster.then(
      ({ adminUrl }) => response.end(adminUrl),
      (error: Error) => response.writeHead(500).end(error.stack),
    );
  });
  await new Promise<void>((resolve) => door.listen(0, "127.0.0.1", resolve));
  project.provide("testPostgresDoor", `http://127.0.0.1:${(door.address() as AddressInfo).port}/`);
  await sweepTestClusters();
  return async () => {
    door.closeAllConnections();
    door.close();
    await cluster?.then(({ stop }) => stop());
  };
}
