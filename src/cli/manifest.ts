import { publicUrl, readSettings } from "../config/config.ts";
import { slackManifest } from "../platform/slack/manifest.ts";
import { botEvents, scopes } from "../platform/slack/scopes.ts";
import { say, table } from "./world.ts";

/** Longest hint Slack shows while somebody types. Source: Slack docs, "App manifest reference", usage_hint. */
const usageHintMax = 1_000;

/** The nouns and verbs people type most, from the declarations. */
async function usageHint(): Promise<string> {
  const { declaredFeatures } = await import("./declared.ts");
  const names = declaredFeatures()
    .flatMap((feature) => feature.commands ?? [])
    .map(({ spec }) => spec.name.split(" ")[0] ?? "");
  const words = [...new Set(names)].filter((name) => name !== "mine");
  return `[${words.join(" | ")}]`.slice(0, usageHintMax);
}

export async function run(options: { explain?: boolean }): Promise<void> {
  const settings = readSettings();
  const isSocketMode = settings.SLACK_APP_TOKEN !== undefined;
  const url = publicUrl(settings);
  if (options.explain) return explain(isSocketMode, url);
  const manifest = slackManifest({ publicUrl: url, isSocketMode, usageHint: await usageHint() });
  say(JSON.stringify(manifest, null, 2));
  if (!isSocketMode && !url.startsWith("https://"))
    process.stderr.write(
      `Slack must reach ${url}: set PUBLIC_URL to an https:// address, or SLACK_APP_TOKEN for Socket Mode, and print it again.\n`,
    );
}

function explain(isSocketMode: boolean, url: string): void {
  say("Bot scopes:");
  say(
    table(
      ["  scope", "why"],
      scopes.map(({ scope, why }) => [`  ${scope}`, why]),
    ),
  );
  say("\nEvents:");
  for (const { event, scope } of botEvents) say(`  ${event}  (needs ${scope})`);
  say(
    isSocketMode
      ? "\nSocket Mode: Quarterdeck calls Slack (SLACK_APP_TOKEN, scope connections:write); no address is needed."
      : `\nSlack calls ${url}/slack/events for commands, buttons, forms and mentions (PUBLIC_URL).`,
  );
}
