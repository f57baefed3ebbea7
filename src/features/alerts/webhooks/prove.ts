/** How the sender of a source proves itself beside a token; undefined where a token is all there is. */
import type { HookSource } from "../../../catalog/hook-sources.ts";
import type { Hook } from "../../../platform/feature.ts";
import type { Platform } from "../../../platform/platform.ts";
import { fetchOutside } from "./fetch-outside.ts";
import { senderOf } from "./senders.ts";
import { checkSignature } from "./signatures.ts";
import { createSnsProver, type FetchBytes } from "./sns/prove.ts";

export function createProver(
  { env }: Pick<Platform, "env">,
  fetchBytes: FetchBytes = fetchOutside,
): (source: HookSource) => Hook["authenticate"] {
  const provedBySns = createSnsProver(fetchBytes);
  return (source) => {
    if (source.kind === "sns") return (attempt) => provedBySns(source, attempt);
    const rule = senderOf(source.kind)?.signature;
    if (rule === undefined || source.secretEnv === undefined) return undefined;
    return (attempt) => checkSignature(rule, source, secretsOf(source, env), attempt);
  };
}

/** Secrets valid now: while one is changed both the new and the old are. */
function secretsOf(source: HookSource, env: Platform["env"]): string[] {
  return [source.secretEnv, source.previousSecretEnv]
    .flatMap((name) => (name === undefined ? [] : (env(name) ?? "").split(",")))
    .map((secret) => secret.trim())
    .filter((secret) => secret !== "");
}
