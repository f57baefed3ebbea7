import type { ScmInstance } from "../../catalog/schema.ts";
import type { Platform } from "../../platform/platform.ts";
import { secretOf } from "../secrets.ts";
import type { Scm } from "./contract.ts";
import { createGithubScm } from "./github.ts";
import { createGitlabScm } from "./gitlab.ts";

export interface Scms {
  /** Secrets are read from the environment at each call. Throws ProviderError `unauthorised` when one is not set. */
  of(instance: ScmInstance): Scm;
}

export function createScms({ env }: Pick<Platform, "env">): Scms {
  return {
    of(instance) {
      const token = secretOf({ env }, instance, instance.tokenEnv, "token");
      const { deadline: deadlineMs } = instance;
      switch (instance.kind) {
        case "github":
          return createGithubScm({ apiUrl: instance.apiUrl, token, deadlineMs });
        case "gitlab":
          return createGitlabScm({ url: instance.url, token, deadlineMs });
      }
    },
  };
}
