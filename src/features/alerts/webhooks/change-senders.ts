/** Senders that tell of changes: builds and deploys, and AWS, whose topics carry anything. */
import { readArgocd } from "./argocd.ts";
import { bounded } from "./bounded.ts";
import { readCloudEvents } from "./cloudevents.ts";
import { closedToFlagger, readFlagger } from "./flagger.ts";
import { readGithub } from "./github.ts";
import { readGitlab } from "./gitlab.ts";
import { keptOfFlagger, keptOfGithub, keptOfGitlab, keptOfSns } from "./kept.ts";
import type { Sender } from "./reader.ts";
import { readSns } from "./sns.ts";

type ChangeSender = "sns" | "flagger" | "argocd" | "github" | "gitlab" | "cloudevents";

export const changeSenders: Readonly<Record<ChangeSender, Sender>> = {
  sns: {
    about:
      "Amazon SNS: CloudWatch's alarms, from the topics the catalog lists; their subscriptions are confirmed.",
    read: bounded(readSns),
    kept: keptOfSns,
    unreadableStatus: 400,
  },
  flagger: {
    about:
      "Flagger's webhooks of type event: canaries as deploys, a failed one as an alert; a gate asked here stays closed.",
    read: bounded(readFlagger),
    kept: keptOfFlagger,
    closed: closedToFlagger,
    unreadableStatus: 400,
  },
  argocd: {
    about:
      "Argo CD by the template in deploy/argocd-notifications.yaml: syncs, failed syncs, degraded applications.",
    read: bounded(readArgocd),
    unreadableStatus: 400,
  },
  github: {
    about: "GitHub: deployments and deploying workflows, issues, leaked secrets, vulnerable dependencies.",
    read: bounded(readGithub),
    headers: ["x-github-event", "x-github-delivery"],
    signature: {
      header: () => "x-hub-signature-256",
      scheme: "hmac",
      digestsOf: (value) => (value.startsWith("sha256=") ? [value.slice("sha256=".length)] : []),
    },
    kept: keptOfGithub,
    unreadableStatus: 400,
  },
  gitlab: {
    about: "GitLab: deployments, feature flags, issues; pipelines and the rest are shown.",
    read: bounded(readGitlab),
    headers: ["x-gitlab-event", "x-gitlab-event-uuid", "idempotency-key"],
    tokenHeader: "x-gitlab-token",
    signature: { header: () => "x-gitlab-token", scheme: "plain" },
    kept: keptOfGitlab,
    // GitLab turns a hook off that keeps failing.
    unreadableStatus: 200,
  },
  cloudevents: {
    about:
      "CloudEvents 1.0, one, a batch or binary; CDEvents' services and dev.quarterdeck.deploy, .config, .flag.",
    read: bounded(readCloudEvents),
    headers: ["ce-*"],
    unreadableStatus: 400,
  },
};
