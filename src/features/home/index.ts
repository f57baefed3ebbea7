/**
 * Home: what is going on and what may I do. `/ops`, `/ops help`, `/ops status`, `/ops why`, `/ops sign-in`; the
 * console's first page. Owns nothing: each feature tells its own lines. Pages about: nothing.
 */
import { z } from "zod";
import { helpFor } from "../../platform/commands/help.ts";
import { arg, argsOf, defineCommand } from "../../platform/commands/spec.ts";
import type { Command, CommandContext, Feature, Reply, SummaryLine } from "../../platform/feature.ts";
import { escapeText } from "../../platform/messages/blocks.ts";
import type { Platform } from "../../platform/platform.ts";
import { allow, type Decision, refuse } from "../../platform/refusal.ts";
import { helpReply, homeName, replyOfLines } from "./cards.ts";
import { consolePath, homePages } from "./pages.ts";

const homeSpec = defineCommand({
  name: homeName,
  aliases: [""],
  args: z.object({}),
  role: "anyone",
  acts: false,
  summary: "What is mine now: pages, approvals waiting for me, my rollouts, grants with time left.",
  example: "",
});
const helpSpec = defineCommand({
  name: "help",
  args: z.object({ command: arg.rest().optional() }),
  role: "anyone",
  acts: false,
  summary: "What you may do here, or one command in full.",
  example: "help rollout start",
});
const statusSpec = defineCommand({
  name: "status",
  args: z.object({ target: arg.target("service", "id").optional() }),
  role: "anyone",
  acts: false,
  summary: "How a service or a thing is doing; without one, all services.",
  example: "status shop",
});
const whySpec = defineCommand({
  name: "why",
  args: z.object({ target: arg.target("service", "id") }),
  role: "anyone",
  acts: false,
  summary: "Why it paged, held, was refused or denied; who could.",
  example: "why T-3",
});
const signInSpec = defineCommand({
  name: "sign-in",
  args: z.object({}),
  role: "anyone",
  acts: false,
  summary: "A link that signs you in to the console.",
  example: "sign-in",
});

export function createHome(platform: Platform, features: () => readonly Feature[]): Feature {
  const { catalogs, sessions, identity, publicUrl } = platform;
  const gather = async (
    read: (feature: Feature) => Promise<readonly SummaryLine[]> | undefined,
  ): Promise<SummaryLine[]> =>
    (await Promise.all(features().map((feature) => read(feature) ?? [])))
      .flat()
      .sort((a, b) => a.rank - b.rank);

  const mine = async ({ actor }: CommandContext): Promise<Decision<Reply>> => {
    const lines = await gather((feature) => feature.summaries?.mine?.(actor));
    return allow(
      replyOfLines(
        "Yours now",
        lines,
        "Nothing waits for you. `/ops help` shows what you may do; `/ops status` how the services are.",
      ),
    );
  };

  const help = async ({ actor, line }: CommandContext): Promise<Decision<Reply>> => {
    const specs = features()
      .flatMap((feature) => feature.commands ?? [])
      .map(({ spec }) => spec);
    const allowed = new Set<string>();
    for (const { name, role } of specs)
      if ((await platform.authz.authorise(actor, role, undefined)).ok) allowed.add(name);
    return helpReply(
      helpFor(specs, ({ name }) => allowed.has(name)),
      argsOf(helpSpec, line).command,
    );
  };

  const status = async ({ line }: CommandContext): Promise<Decision<Reply>> => {
    const { target } = argsOf(statusSpec, line);
    if (target?.is === "id") {
      const lines = await gather((feature) => feature.summaries?.why?.({ id: target.id }));
      return allow(replyOfLines(target.id, lines, `I know nothing of ${target.id}.`));
    }
    const services =
      target?.is === "service" ? [target.service] : catalogs.current().services.map(({ name }) => name);
    const parts = await Promise.all(
      services.map(async (service) => ({
        service,
        lines: await gather((feature) => feature.summaries?.status?.(service)),
      })),
    );
    const text = parts
      .map(({ service, lines }) => [`*${escapeText(service)}*`, ...lines.map((item) => item.text)].join("\n"))
      .join("\n\n");
    return allow({ text: text || "The catalog has no services yet." });
  };

  const why = async ({ line }: CommandContext): Promise<Decision<Reply>> => {
    const { target } = argsOf(whySpec, line);
    const name = target.is === "id" ? String(target.id) : target.is === "service" ? target.service : "";
    const thing = target.is === "id" ? { id: name } : { service: name };
    const lines = await gather((feature) => feature.summaries?.why?.(thing));
    return allow(
      replyOfLines(
        `Why: ${name}`,
        lines,
        `I have decided nothing about ${escapeText(name)} that is still kept.`,
      ),
    );
  };

  const signIn = async ({ actor }: CommandContext): Promise<Decision<Reply>> => {
    // A token that may do some things for an hour must not turn into a session that may do all.
    if (actor.door === "api")
      return refuse({ rule: "people-sign-in", message: "A program does not sign in to the console." });
    if (identity)
      return allow({
        text: `<${publicUrl}/sign-in|Sign in to Quarterdeck> with your account at ${escapeText(new URL(identity.issuer).host)}.`,
      });
    const token = await sessions.createLink(actor, consolePath);
    return allow({
      text: `<${publicUrl}/sign-in?token=${token}|Sign in to Quarterdeck> — for you alone, once, within two minutes.`,
    });
  };

  const commands: Command[] = [
    { spec: homeSpec, run: mine },
    { spec: helpSpec, run: help },
    { spec: statusSpec, run: status },
    { spec: whySpec, run: why },
    { spec: signInSpec, run: signIn },
  ];
  const routes = homePages(platform, features);
  return { name: "home", about: "What is going on and what may I do.", commands, routes };
}
