/** What to look at when going back did not help: whatever else was changed around the service. */
import { dependencyGraph } from "../../catalog/dependencies.ts";
import type { Platform } from "../../platform/platform.ts";
import type { Deploy, Deploys } from "../deploys/index.ts";
import { neighbourhood, suspectsOf, suspectText } from "../tickets/index.ts";
import type { Recovery } from "./model.ts";

/** Changes older than this are nobody's suspects. */
const changedWithinMs = 3_600_000;

export interface Symptom {
  readonly service: string;
  readonly environment: string;
  /** When it was decided to go back. */
  readonly sinceMs: number;
  /** Version gone back from: it was no cause. */
  readonly cleared: string;
}

/** `Next suspect: payments v9 at 02:58 by ci: 4 min before it began; shop depends on it.` Plain text. */
export async function nextSuspectText(
  { platform, deploys }: { platform: Platform; deploys: Pick<Deploys, "recentChanges"> },
  symptom: Symptom,
): Promise<string> {
  const { service, sinceMs } = symptom;
  const catalog = platform.catalogs.current();
  const graph = dependencyGraph(catalog);
  const changes = await deploys.recentChanges(
    neighbourhood(service, graph),
    new Date(sinceMs - changedWithinMs),
  );
  const [suspect] = suspectsOf(
    [{ service, since: new Date(sinceMs) }],
    changes.filter((change) => isOpen(change, symptom)),
    graph,
  );
  return suspect === undefined
    ? `Nothing else around ${service} was changed in the hour before; look at runbook ${service}.`
    : `Next suspect: ${suspectText(suspect, catalog)}.`;
}

/** What is newly said, with what to look at next where it did not help. */
export async function withSuspect(
  parts: Parameters<typeof nextSuspectText>[0],
  symptom: Symptom,
  known: Recovery,
  found: Recovery,
): Promise<Recovery> {
  const { result } = found;
  if (result === undefined || result === known.result || result.is === "recovered") return found;
  return { ...found, result: { ...result, text: `${result.text} ${await nextSuspectText(parts, symptom)}` } };
}

/** Not what was gone back from, nor the going back, nor what runs since the beginning. */
const isOpen = (
  { service, environment, change, version, source }: Deploy,
  { service: own, environment: here, cleared }: Symptom,
): boolean =>
  environment === here &&
  source !== "rollback" &&
  source !== "catalog" &&
  !(service === own && change === "deploy" && version === cleared);
