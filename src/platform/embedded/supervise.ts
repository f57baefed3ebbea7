import { setTimeout as pause } from "node:timers/promises";
import { nextRestart, restartPolicy } from "./backoff.ts";
import { type Cluster, type ClusterOptions, startCluster } from "./cluster.ts";
import { findPostmaster } from "./postmaster.ts";

/** How often the server is looked after. */
const lookEveryMs = 500;

export interface Supervision {
  /** Ends the supervision, then the server. */
  stop(): Promise<void>;
}

/**
 * Starts the server again, on the same port, whenever it is gone without having been asked to go. Works for an
 * adopted server too, which is no child of ours.
 *
 * @param onEvent told when the server was found gone, and how starting it again went
 */
export function superviseCluster(
  cluster: Cluster,
  options: ClusterOptions,
  onEvent: (event: { name: string; state: "gone" | "back" | "failed"; error?: unknown }) => void,
): Supervision {
  const stopping = new AbortController();
  const { signal } = stopping;
  const name = cluster.name;
  const watch = async (): Promise<void> => {
    let failures = 0;
    while (!signal.aborted) {
      await pause(lookEveryMs, undefined, { signal, ref: false }).catch(() => undefined);
      if (signal.aborted) return;
      if (await findPostmaster(cluster.dataDir)) continue;
      const startedMs = performance.now();
      onEvent({ name, state: "gone" });
      try {
        await startCluster({ ...options, port: cluster.port });
        onEvent({ name, state: "back" });
        failures = 0;
      } catch (error) {
        onEvent({ name, state: "failed", error });
        const next = nextRestart(restartPolicy, failures, performance.now() - startedMs);
        failures = next.failures;
        await pause(next.waitMs, undefined, { signal, ref: false }).catch(() => undefined);
      }
    }
  };
  const watching = watch();
  return {
    stop: async () => {
      stopping.abort();
      await watching;
      await cluster.stop();
    },
  };
}
