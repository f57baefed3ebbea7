import { randomBytes, randomUUID } from "node:crypto";
import type { AccessorInstance, AccessTerms } from "../../catalog/schema.ts";
import { createLock, type WithLock } from "../../platform/db/lock.ts";
import type { Platform } from "../../platform/platform.ts";
import { Secret } from "../../platform/secret.ts";
import { createSlackApi } from "../../platform/slack/client.ts";
import { type Clusters, createClusters } from "../kubernetes/clusters.ts";
import { secretOf } from "../secrets.ts";
import { createAwsAccessor } from "./aws.ts";
import type { Accessor } from "./contract.ts";
import { withDeadline } from "./deadline.ts";
import { createGithubAccessor } from "./github.ts";
import { createKubernetesAccessor } from "./kubernetes.ts";
import { createPostgresAccessor } from "./postgres.ts";
import { addressOf, createSessionPool, type SessionPool } from "./postgres-session.ts";
import { createSlackAccessor } from "./slack.ts";
import { createSshAccessor } from "./ssh.ts";
import { readTerms } from "./terms.ts";
import { createWebhookAccessor } from "./webhook.ts";

/** Each call to an accessor ends by then, and each request it makes, in milliseconds. */
const callDeadlineMs = 10_000;

export interface Accessors {
  /**
   * The accessor of an instance as it is declared, or as it was when a grant was made: revoking must work when the
   * catalog names the instance no more. Its secrets are read from the environment at each call.
   *
   * @param grantable terms of every role that may be granted through it; nothing else is
   * Throws ProviderError `unauthorised` that names a variable which is not set.
   */
  of(instance: AccessorInstance, grantable: readonly AccessTerms[]): Accessor;
}

type Parts = Pick<Platform, "env" | "clock" | "database" | "slack" | "slackTeam" | "log">;

interface Shared {
  sessions: SessionPool;
  clusters: Clusters;
  withLock: WithLock;
}

/** @param wrap lets a caller stand between us and every accessor */
export function createAccessors(
  platform: Parts,
  wrap: (accessor: Accessor) => Accessor = (accessor) => accessor,
): Accessors {
  const shared: Shared = {
    clusters: createClusters(),
    withLock: createLock(platform.database),
    sessions: createSessionPool(),
  };
  return {
    of: (instance, grantable) =>
      wrap(withDeadline(build(platform, shared, instance, grantable), callDeadlineMs)),
  };
}

function build(
  platform: Parts,
  { clusters, withLock, sessions }: Shared,
  instance: AccessorInstance,
  grantable: readonly AccessTerms[],
): Accessor {
  switch (instance.kind) {
    case "postgres":
      return createPostgresAccessor({
        url: secretOf(platform, instance, instance.urlEnv, "the connection string of its manager"),
        address: instance.publicUrl === undefined ? undefined : addressOf(new Secret(instance.publicUrl)),
        groups: grantable.flatMap((terms) => readTerms("postgres", terms).grantRole),
        databases: instance.databases,
        leftoversOwner: instance.leftoversOwner,
        connectionsMax: instance.connectionsMax,
        deadlineMs: callDeadlineMs,
        pool: sessions,
        randomBytes,
      });
    case "kubernetes": {
      const { kubeconfigEnv } = instance;
      return createKubernetesAccessor({
        clusters,
        cluster: {
          kubeconfig:
            kubeconfigEnv === undefined
              ? null
              : secretOf(platform, instance, kubeconfigEnv, "the path of a kubeconfig").reveal(),
          context: instance.context ?? null,
        },
        namespace: instance.namespace,
        publicUrl: instance.publicUrl,
        grantable,
        deadlineMs: callDeadlineMs,
        now: () => platform.clock.now(),
      });
    }
    case "ssh": {
      const { caKeyEnv, caKeyFileEnv, publishCommandEnv, endSessionsCommandEnv } = instance;
      const named = (variable: string | undefined, what: string) =>
        variable === undefined ? undefined : secretOf(platform, instance, variable, what);
      const file = named(caKeyFileEnv, "the path of the key that signs")?.reveal();
      return createSshAccessor({
        caKey: file === undefined ? (named(caKeyEnv, "the key that signs") ?? new Secret("")) : { file },
        hosts: instance.hosts,
        directory: instance.directory,
        publishCommand: named(publishCommandEnv, "the path of a program")?.reveal(),
        endSessionsCommand: named(endSessionsCommandEnv, "the path of a program")?.reveal(),
        grantable,
        deadlineMs: callDeadlineMs,
        now: () => platform.clock.now(),
        randomBytes,
      });
    }
    case "aws": {
      const { accessKeyIdEnv, secretAccessKeyEnv } = instance;
      return createAwsAccessor({
        who: instance.name,
        region: instance.region,
        keys:
          accessKeyIdEnv === undefined || secretAccessKeyEnv === undefined
            ? undefined
            : {
                accessKeyId: secretOf(platform, instance, accessKeyIdEnv, "an access key's id"),
                secretAccessKey: secretOf(platform, instance, secretAccessKeyEnv, "its secret access key"),
              },
        stsEndpoint: instance.stsEndpoint,
        iamEndpoint: instance.iamEndpoint,
        roles: grantable.map((terms) => readTerms("aws", terms).roleArn),
        denyOnRevoke: instance.denyOnRevoke,
        deadlineMs: callDeadlineMs,
        now: () => platform.clock.now(),
      });
    }
    case "github":
      return createGithubAccessor({
        who: instance.name,
        apiUrl: instance.apiUrl.replace(/\/+$/, ""),
        org: instance.org,
        token: secretOf(platform, instance, instance.tokenEnv, "token"),
        grantable,
        deadlineMs: callDeadlineMs,
        now: () => platform.clock.now(),
      });
    case "webhook":
      return createWebhookAccessor({
        who: instance.name,
        url: instance.url,
        secret: secretOf(platform, instance, instance.secretEnv),
        grantable,
        deadlineMs: callDeadlineMs,
        now: () => platform.clock.now(),
        randomId: randomUUID,
      });
    case "slack":
      return createSlackAccessor({
        who: instance.name,
        slack:
          instance.tokenEnv === undefined
            ? platform.slack
            : createSlackApi({
                token: secretOf(platform, instance, instance.tokenEnv, "an admin's user token").reveal(),
                log: platform.log,
              }),
        team: () => platform.slackTeam(),
        grantable,
        withLock,
        deadlineMs: callDeadlineMs,
      });
  }
}
