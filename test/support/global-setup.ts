import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestProject } from "vitest/node";
import { startApiServer } from "./kubernetes/server.ts";
import { startTestCluster, sweepTestClusters, type TestCluster } from "./test-cluster.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** Address that answers with the administrator's connection string; the first question starts the cluster. */
    testPostgresDoor: string;
    /** Address that answers with the path of an administrator's kubeconfig; the first question starts the server. */
    testKubernetesDoor: string;
  }
}

/**
 * One Postgres and one kube-apiserver for the whole run, each started when the first test asks for it: a run of pure
 * tests starts none. With DATABASE_URL_TEST_ADMIN (a superuser, or a role that may create roles and databases) or
 * KUBECONFIG_TEST (a cluster's administrator; one without controllers, such as envtest) that server is used.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const given = process.env.DATABASE_URL_TEST_ADMIN;
  const postgres = await openDoor(async () => {
    const cluster: TestCluster = given
      ? { adminUrl: given, stop: async () => undefined }
      : await startTestCluster();
    return { answer: cluster.adminUrl, stop: cluster.stop };
  });
  const kubernetes = await openDoor(async () => {
    const server = await startApiServer();
    return { answer: server.kubeconfig, stop: server.stop };
  });
  project.provide("testPostgresDoor", postgres.url);
  project.provide("testKubernetesDoor", kubernetes.url);
  await sweepTestClusters();
  return async () => {
    await Promise.all([postgres.close(), kubernetes.close()]);
  };
}

interface Started {
  answer: string;
  stop(): Promise<void>;
}

async function openDoor(start: () => Promise<Started>): Promise<{ url: string; close(): Promise<void> }> {
  let started: Promise<Started> | undefined;
  const door = createServer((_request, response) => {
    started ??= start();
    started.then(
      ({ answer }) => response.end(answer),
      (error: Error) => response.writeHead(500).end(error.stack),
    );
  });
  await new Promise<void>((resolve) => door.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(door.address() as AddressInfo).port}/`,
    close: async () => {
      door.closeAllConnections();
      door.close();
      await started?.then(({ stop }) => stop());
    },
  };
}
