import { Command } from "commander";
import { SettingsError } from "./config/config.ts";

/** The command line. Each command loads only what it needs. */
const program = new Command("quarterdeck")
  .description("ChatOps for on-call teams.")
  .showHelpAfterError("(--help shows what can be given)");

program
  .command("start")
  .description(
    "All roles on one machine, on embedded defaults, with the local workspace and the demo service.",
  )
  .addHelpText("after", "\nSettings come from the environment: docs/configuration.md lists them.")
  .action(async () => (await import("./cli/start.ts")).run());
program
  .command("web")
  .description("Talks to people and machines: Slack, webhooks, console.")
  .action(async () => (await import("./cli/roles.ts")).runWeb());
program
  .command("worker")
  .description("Does the slow work: providers, messages, deadlines.")
  .action(async () => (await import("./cli/roles.ts")).runWorker());
program
  .command("router")
  .description("Carries user traffic to versions by weight.")
  .action(async () => (await import("./cli/router.ts")).run());
program
  .command("migrate")
  .description("The release step: brings the database to this version (as DATABASE_MIGRATION_URL).")
  .action(async () => (await import("./cli/migrate.ts")).run());
program
  .command("demo")
  .description("Plays the main job on a stack of its own and says what was observed.")
  .option("--json", "print { ok, steps: [{ name, ok, saw }] } only")
  .option("--keep", "keep the folder with data and logs")
  .action(async (options: { json?: boolean; keep?: boolean }) =>
    (await import("./cli/demo.ts")).run(options),
  );

try {
  await program.parseAsync();
} catch (error) {
  const { code, message, hint } = error as { code?: string; message?: string; hint?: string };
  const isOurs = error instanceof SettingsError || hint !== undefined || code !== undefined;
  process.stderr.write(
    `quarterdeck: ${message ?? String(error)}${hint && !message?.includes(hint) ? ` ${hint}` : ""}\n`,
  );
  if (!isOurs) process.stderr.write(`${error instanceof Error ? (error.stack ?? "") : ""}\n`);
  process.exitCode = 1;
}
