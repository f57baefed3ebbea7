import { Command } from "commander";
import type { CreateOptions } from "./cli/token.ts";
import { SettingsError } from "./config/config.ts";

/** The command line. Each command loads only what it needs. */
export const program = new Command("quarterdeck")
  .description("ChatOps for on-call teams: canaries, rollbacks, runbooks, tickets and access from Slack.")
  .enablePositionalOptions()
  .showHelpAfterError("(--help shows what can be given)")
  .addHelpText(
    "after",
    "\n`quarterdeck <command> --help` shows one with examples. Settings: docs/configuration.md.",
  );

/** A command with what its help ends with. */
const command = (usage: string, about: string, examples: readonly string[]): Command =>
  program
    .command(usage)
    .description(about)
    .addHelpText("after", `\nExamples:\n${examples.map((line) => `  ${line}`).join("\n")}`);

command(
  "start",
  "All roles on one machine, on embedded defaults, with the local workspace and the demo service.",
  ["npm start", "PORT=4000 quarterdeck start", "DATA_DIR=/srv/quarterdeck quarterdeck start"],
).action(async () => (await import("./cli/start.ts")).run());
command("web", "Talks to people and machines: Slack, webhooks, console, terminals.", [
  "quarterdeck web        # needs DATABASE_URL, ENCRYPTION_KEY, SLACK_BOT_TOKEN, SLACK_SIGNING_SECRET",
]).action(async () => (await import("./cli/roles.ts")).runWeb());
command("worker", "Does the slow work: providers, messages, deadlines.", [
  "quarterdeck worker     # needs DATABASE_URL, ENCRYPTION_KEY, SLACK_BOT_TOKEN",
]).action(async () => (await import("./cli/roles.ts")).runWorker());
command("router", "Carries user traffic to versions by weight.", [
  "ROUTER_TOKEN=… ROUTER_STATE=/var/lib/quarterdeck/routes.json quarterdeck router",
]).action(async () => (await import("./cli/router.ts")).run());
command("migrate", "The release step: brings the database to this version, as its owner.", [
  "DATABASE_MIGRATION_URL=postgres://quarterdeck_owner@db/quarterdeck quarterdeck migrate",
]).action(async () => (await import("./cli/migrate.ts")).run());
command("demo", "Plays the main job on a stack of its own and says what was observed.", [
  "quarterdeck demo",
  "quarterdeck demo --json",
])
  .option("--json", "print { ok, steps: [{ name, ok, saw }] } only")
  .option("--keep", "keep the folder with data and logs")
  .action(async (options: { json?: boolean; keep?: boolean }) =>
    (await import("./cli/demo.ts")).run(options),
  );
command(
  "lint",
  "Checks the catalog and the runbooks: file, line, cure. Exit code 1 when something is wrong.",
  ["quarterdeck lint", "quarterdeck lint config/ours --json"],
)
  .argument("[folder]", "the catalog's folder; CATALOG_PATH when left out")
  .option("--json", "print { ok, problems, warnings } only")
  .action(async (folder: string | undefined, options: { json?: boolean }) =>
    (await import("./cli/lint.ts")).run(folder, options),
  );
const slo = command("slo", "Service level objectives: rules for Prometheus, OpenSLO in and out.", [
  "quarterdeck slo rules --out slo-rules.yml && promtool check rules slo-rules.yml",
  "quarterdeck slo rules --service shop",
  "quarterdeck slo status --json",
  "quarterdeck slo import openslo.yaml --out config/slos.yaml",
  "quarterdeck slo export --service shop > openslo.yaml",
]);
slo
  .command("rules")
  .description("Prints Prometheus' recording and alerting rules for the SLOs of the catalog in CATALOG_PATH.")
  .option("--service <service>", "the SLOs of one service only")
  .option("--out <file>", "write to a file instead")
  .action(async (options: { service?: string; out?: string }) =>
    (await import("./cli/slo-rules.ts")).run(options),
  );
slo
  .command("import")
  .description(
    "Writes the SLOs of an OpenSLO v1 file as YAML of the catalog, and says what did not map. Exit code 1 when it cannot be read.",
  )
  .argument("<file>", "OpenSLO v1, one or more documents")
  .option("--out <file>", "write to a file instead")
  .action(async (file: string, options: { out?: string }) =>
    (await import("./cli/slo-openslo.ts")).runImport(file, options),
  );
slo
  .command("export")
  .description("Prints the SLOs of the catalog in CATALOG_PATH as OpenSLO v1 documents.")
  .option("--service <service>", "the SLOs of one service only")
  .action(async (options: { service?: string }) => (await import("./cli/slo-openslo.ts")).runExport(options));
slo
  .command("status")
  .description("Says how every SLO stands now: budget left, burn of each window, how long the rest lasts.")
  .option("--service <service>", "the SLOs of one service only")
  .option("--json", "print { at, catalog, slos } only")
  .action(async (options: { service?: string; json?: boolean }) =>
    (await import("./cli/slo-status.ts")).run(options),
  );
command(
  "import",
  "Writes the configuration of another system as YAML of the catalog, and names by field what it left out. Never copies a secret.",
  [
    "quarterdeck import alertmanager alertmanager.yml --slack-team T0123456789 --out config/ours/imported.yaml",
    "quarterdeck import oncall oncall.json --no-organisation",
  ],
)
  .argument("<system>", "alertmanager, or oncall for an export of Grafana OnCall")
  .argument("<file>", "its configuration")
  .option("--slack-team <id>", "id of your Slack team; a word to replace when left out")
  .option("--no-organisation", "leave out organisation and policies: a catalog has them already")
  .option("--out <file>", "write to a file instead")
  .action(
    async (
      system: string,
      file: string,
      options: { slackTeam?: string; organisation: boolean; out?: string },
    ) => (await import("./cli/import.ts")).run(system, file, options),
  );
const judge = command("judge", "The judge of rollouts, without a rollout: on recorded or simulated data.", [
  "quarterdeck judge --file samples.json",
  "quarterdeck judge --file samples.json --plan plan.yaml --json",
  "quarterdeck judge simulate --list",
  "quarterdeck judge simulate --scenario errors-triple --runs 500 --seed 7",
  "quarterdeck judge simulate --scenario ours.yaml --json --chart harm.png",
]);
judge
  .option(
    "--file <file>",
    "recorded data as JSON, as `rollout export` writes it; docs/rollouts.md describes it",
  )
  .option("--plan <file>", "the plan as YAML, in place of the one in the file")
  .option("--json", "print { verdict, reasons, signals, evidence, alphaSpent, alpha, budgetSpent } only")
  .option("--exit-code", "end with 0 for promote, 3 for hold, 4 for revert; without it 0 for each")
  .action(async (options: { file?: string; plan?: string; json?: boolean; exitCode?: boolean }) =>
    (await import("./cli/judge.ts")).run(options),
  );
judge
  .command("simulate")
  .description(
    "Runs simulated rollouts through the judge and through two rivals: fixed thresholds and Mann-Whitney. docs/rollouts.md shows a scenario.",
  )
  .option("--scenario <file|name>", "a scenario's YAML, or the name of a built-in one")
  .option("--runs <n>", "how many rollouts", "500")
  .option("--seed <n>", "the same seed gives the same runs", "1")
  .option("--list", "name the built-in scenarios")
  .option("--chart <file>", "draw it as PNG")
  .option(
    "--show <what>",
    "what the chart shows: harm (usual for a bad version), reverts (for a good one), evidence",
  )
  .option("--json", "print { scenario, runs, seed, lookEverySec, judges } only; null is never")
  .action(
    async (options: {
      scenario?: string;
      runs: string;
      seed: string;
      list?: boolean;
      chart?: string;
      show?: string;
      json?: boolean;
    }) => (await import("./cli/judge-simulate.ts")).run(options),
  );
const rollout = command("rollout", "Rollouts as they were judged.", [
  "quarterdeck rollout export R-12 --out samples.json && quarterdeck judge --file samples.json",
]);
rollout
  .command("export")
  .description(
    "Writes what the judge was given of a rollout at its last look, to be judged again by `judge --file`.",
  )
  .argument("<rollout>", "its id, such as R-12")
  .option("--out <file>", "write to a file instead")
  .action(async (id: string, options: { out?: string }) =>
    (await import("./cli/rollout-export.ts")).run(id, options),
  );
const alerts = command("alerts", "Alerts as senders send them.", [
  "quarterdeck alerts read --source grafana --file body.json",
  "quarterdeck alerts read --source github --file body.json --headers headers.txt --json",
  "quarterdeck alerts replay --since 30d",
]);
alerts
  .command("read")
  .description(
    "Says what would be made of a body, and where it would go. Sends nothing. Exit code 1 when anything is refused.",
  )
  .requiredOption("--source <source>", "a hook source of the catalog, or a kind such as grafana or pagerduty")
  .requiredOption("--file <file>", "the body as it was sent")
  .option("--headers <file>", "headers that came with it: a JSON object, or `Name: value` on each line")
  .option("--json", "print { source, deliveryId, alerts, events, route, error? } only")
  .action(async (options: { source: string; file: string; headers?: string; json?: boolean }) =>
    (await import("./cli/alerts.ts")).read(options),
  );
alerts
  .command("replay")
  .description(
    "Says what would have become of alerts heard of before: cards, pages, tickets. Writes and sends nothing.",
  )
  .option(
    "--file <file>",
    "exported alerts: deliveries, lines of `alerts export`, or Alertmanager's /api/v2/alerts",
  )
  .option("--since <time>", "the alerts kept in the database, back to then, such as 30d (35 days are kept)")
  .option("--no-metrics", "ask no metrics: every budget counts as not known")
  .option("--json", "print the whole report as JSON")
  .action(async (options: { file?: string; since?: string; metrics: boolean; json?: boolean }) =>
    (await import("./cli/alerts-replay.ts")).run(options),
  );
alerts
  .command("export")
  .description("Writes the beginnings and ends of alerts kept in the database, a line of JSON each.")
  .option("--since <time>", "back to then", "30d")
  .option("--out <file>", "write to a file instead")
  .action(async (options: { since: string; out?: string }) =>
    (await import("./cli/alerts-replay.ts")).exportChanges(options),
  );
command("manifest", "Prints the Slack app's manifest, for api.slack.com/apps → Create New App.", [
  "PUBLIC_URL=https://ops.example.com quarterdeck manifest > manifest.json",
  "quarterdeck manifest --explain     # why each scope is asked",
])
  .option("--explain", "say why each scope is asked, for whoever approves the app")
  .action(async (options: { explain?: boolean }) => (await import("./cli/manifest.ts")).run(options));

const token = command("token", "Tokens of webhook senders, of people's terminals and of the HTTP API.", [
  "quarterdeck token create alertmanager --team storefront",
  "quarterdeck token create ops --person U0ONCALL --days 7",
  "quarterdeck token create api --person U0ONCALL --scope read,act --team storefront --minutes 240",
  "quarterdeck token list",
  "quarterdeck token revoke tok_1f2e3d4c",
]);
token
  .command("create")
  .description("Makes a token and prints it once. Two per source and team are valid at a time.")
  .argument("<source>", "a hook source of the catalog, ops for a person's terminal, or api for a program")
  .option("--team <team>", "team that owns a hook token; teams a token of the API covers, by comma")
  .option("--person <id>", "person of a terminal's or the API's token: Slack id, or id in the catalog")
  .option("--days <days>", "days a terminal's token works (30)")
  .option("--scope <scopes>", "what a token of the API may: read, act, audit:read, by comma (read)")
  .option("--minutes <minutes>", "minutes a token of the API works, 5 to 720 (60)")
  .action(async (source: string, options: CreateOptions) =>
    (await import("./cli/token.ts")).create(source, options),
  );
token
  .command("list")
  .description("All tokens, without their secrets.")
  .option("--json", "as JSON")
  .action(async (options: { json?: boolean }) => (await import("./cli/token.ts")).list(options));
token
  .command("revoke")
  .description("Ends a token.")
  .argument("<id>", "as `token list` shows it")
  .action(async (id: string) => (await import("./cli/token.ts")).revoke(id));

const audit = command("audit", "The append-only audit.", [
  "quarterdeck audit verify",
  "quarterdeck audit verify --json",
  "quarterdeck audit proof G-3 --out proof.json",
  "quarterdeck audit check proof.json --key pub.pem",
  "quarterdeck audit export --from 2026-11-01 --to 2026-12-01 --format ocsf --out november.jsonl",
  "quarterdeck audit erase-person T0123456789 U0123456789",
]);
audit
  .command("verify")
  .description(
    "Walks chain, seals and archive, and names the first bad entry. Exit code 1 when there is one.",
  )
  .option("--from <seq>", "begin behind the last seal before this entry")
  .option("--archive <place>", "a folder, or s3://bucket/prefix; AUDIT_ARCHIVE when left out")
  .option("--json", "print { ok, entries, head, from, sealed, waiting, fault, notes } only")
  .action(async (options: { json?: boolean; from?: string; archive?: string }) =>
    (await import("./cli/audit.ts")).run(options),
  );

audit
  .command("export")
  .description("Writes the entries of a time, oldest first, also those that only the archive has.")
  .option(
    "--from <time>",
    "the first moment, such as 2026-11-25 or 2026-11-25T17:00 (UTC); the first entry when left out",
  )
  .option("--to <time>", "the moment after the last; now when left out")
  .option("--format <format>", "jsonl (each entry's own bytes), csv or ocsf", "jsonl")
  .option("--out <file>", "write to a file instead")
  .option("--archive <place>", "where entries are that left the database; AUDIT_ARCHIVE when left out")
  .action(async (options: { from?: string; to?: string; format: string; out?: string; archive?: string }) =>
    (await import("./cli/audit-export.ts")).run(options),
  );
audit
  .command("proof")
  .description(
    "Proves entries to somebody without this database: all sealed ones on an id, or one by its number.",
  )
  .argument("<id>", "such as G-3, or an entry's number")
  .option("--out <file>", "write to a file instead")
  .option("--archive <place>", "where entries are that left the database; AUDIT_ARCHIVE when left out")
  .action(async (id: string, options: { out?: string; archive?: string }) =>
    (await import("./cli/audit-proof.ts")).prove(id, options),
  );
audit
  .command("check")
  .description(
    "Checks a proof with a public key and nothing else: no database, no network. Exit code 1 when it proves nothing.",
  )
  .argument("<file>", "as `audit proof` wrote it")
  .requiredOption("--key <file>", "the public key in PEM, got another way than the proof")
  .option("--json", "print { ok, entries, fault } only")
  .action(async (file: string, options: { key: string; json?: boolean }) =>
    (await import("./cli/audit-proof.ts")).check(file, options),
  );
audit
  .command("erase-person")
  .description(
    "Takes a person's name out of what is kept beside the audit, for good. Entries keep their ids; docs/audit.md.",
  )
  .argument("<team>", "id of their Slack team")
  .argument("<id>", "their Slack user id")
  .action(async (team: string, id: string) => (await import("./cli/audit-person.ts")).erase(team, id));
command(
  "resume",
  "After the database was restored to an older state: lists what differs, lets all run again.",
  ["quarterdeck resume --after-restore --dry-run   # lists only", "quarterdeck resume --after-restore"],
)
  .option("--after-restore", "bring back the entries that the archive has, and go on")
  .option("--dry-run", "list what differs and change nothing")
  .option("--json", "print { entries, from, upTo, seals, writtenSince, lost } only")
  .action(async (options: { afterRestore?: boolean; dryRun?: boolean; json?: boolean }) =>
    (await import("./cli/resume.ts")).run(options),
  );
command("doctor", "Checks every configured system and names the cure. Exit code 1 when one fails.", [
  "quarterdeck doctor",
  "quarterdeck doctor --no-wait --json",
  "quarterdeck doctor --channel C0123456789",
  "quarterdeck doctor --live       # a page acknowledged, a revert that changes nothing, a 30-second grant",
])
  .option("--no-wait", "do not post the test card and wait for a person's press")
  .option("--channel <id>", "where the test card goes; the catalog's default channel when left out")
  .option("--live", "prove a page, a revert and a grant on what runs; all marked as tests")
  .option("--person <id>", "whom the live page goes to; whoever runs it when left out")
  .option("--service <name>", "whose traffic is set to what it is; the first declared when left out")
  .option("--resource <name>", "what the live grant is for; the first that may be asked for when left out")
  .option("--as <person>", "Slack id to act as, beside a running `start` only")
  .option("--json", "print { ok, findings } only")
  .action(
    async (options: {
      wait: boolean;
      channel?: string;
      json?: boolean;
      live?: boolean;
      person?: string;
      service?: string;
      resource?: string;
      as?: string;
    }) => (await import("./cli/doctor.ts")).run(options),
  );
command(
  "ops",
  "Says a line at the terminal's door, for when Slack is down: same words, rights and audit as /ops.",
  [
    'quarterdeck ops "status shop"',
    "quarterdeck ops --url https://ops.example.com --token qdo_…      # sign this terminal in",
    'quarterdeck ops --as U0ONCALL "rollback shop"                   # beside a running `npm start`',
  ],
)
  .argument("[words...]", "the line, without /ops")
  .option("--token <token>", "a person's token; alone, it signs this terminal in")
  .option("--url <url>", "address of Quarterdeck; PUBLIC_URL when left out")
  .option("--as <person>", "Slack id to act as, beside a running `start` only")
  .option("--json", "print the door's answer as JSON")
  .passThroughOptions()
  .action(async (words: string[], options: { token?: string; url?: string; as?: string; json?: boolean }) =>
    (await import("./cli/ops.ts")).run(words, options),
  );

/** Does what the words of this process ask for. */
export async function run(): Promise<void> {
  // Somebody who reads the first lines only (`| head`) is no error.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
  });
  try {
    await program.parseAsync();
  } catch (error) {
    const { code, message, hint } = error as { code?: string; message?: string; hint?: string };
    const isOurs = error instanceof SettingsError || hint !== undefined || code !== undefined;
    const words = `quarterdeck: ${message ?? String(error)}${hint && !message?.includes(hint) ? ` ${hint}` : ""}\n`;
    const stack = isOurs ? "" : `${error instanceof Error ? (error.stack ?? "") : ""}\n`;
    // What was opened before the trouble (connections, timers) must not keep a command from ending.
    process.stderr.write(words + stack, () => process.exit(1));
  }
}
