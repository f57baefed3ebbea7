import { writeFile } from "node:fs/promises";
import { stringify } from "yaml";
import { type BoundSlo, metricsInstance, slosOf } from "../catalog/lookup.ts";
import type { Catalog } from "../catalog/schema.ts";
import { environment, readSettings } from "../config/config.ts";
import { rulesOf, type SloRules } from "../features/slos/index.ts";
import { catalogFromFiles, chosenService } from "./catalog-files.ts";
import { CommandError, say, tell } from "./world.ts";

export interface RulesOptions {
  service?: string;
  out?: string;
}

/** Prints the rules of the catalog's SLOs, or writes them. Throws {@link CommandError} for a row that can never fire. */
export async function run(options: RulesOptions): Promise<void> {
  const settings = readSettings();
  const catalog = await catalogFromFiles(settings.CATALOG_PATH, environment());
  const service = chosenService(catalog, options.service);
  const rules = rulesOf(catalog, { service, publicUrl: settings.PUBLIC_URL });
  const [refused] = rules.refused;
  if (refused)
    throw new CommandError(
      rules.refused.map(({ field, why }) => `${field} ${why}.`).join(" "),
      "Nothing was written.",
    );
  if (rules.groups.length === 0)
    throw new CommandError(
      service === undefined ? "The catalog has no SLO." : `${service} has no SLO.`,
      "Declare one under `slos` in the catalog.",
    );
  for (const slo of notInPrometheus(catalog, service))
    tell(
      `warning: ${slo.name} is measured by ${slo.provider}, which is no Prometheus; its rules need one that has the same series.`,
    );
  const text = ruleFileText(rules);
  if (options.out === undefined) say(text.trimEnd());
  else {
    await writeFile(options.out, text);
    say(
      `${options.out}: ${rules.groups.length} groups. Name it under rule_files in prometheus.yml, then reload Prometheus.`,
    );
  }
}

/** SLOs that Quarterdeck itself does not read from Prometheus. */
function notInPrometheus(catalog: Catalog, service: string | undefined): BoundSlo[] {
  const services = service === undefined ? catalog.services.map(({ name }) => name) : [service];
  return services
    .flatMap((name) => slosOf(catalog, name))
    .filter(({ provider }) => metricsInstance(catalog, provider)?.kind !== "prometheus");
}

/** The file as Prometheus reads it. */
export function ruleFileText({ groups }: Pick<SloRules, "groups">): string {
  const head = "# Made by `quarterdeck slo rules` from the catalog; edit that and make it again.\n";
  return head + stringify({ groups }, { lineWidth: 0, aliasDuplicateObjects: false, blockQuote: "literal" });
}
