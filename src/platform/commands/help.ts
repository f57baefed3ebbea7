/** What the declarations say to people: usage lines and help. */
import { type ArgPart, type CommandSpec, partsOf, type TargetChoice } from "./spec.ts";
import { kebabCase } from "./tokens.ts";

export interface HelpEntry {
  name: string;
  usage: string;
  summary: string;
  example: string;
}

/** `rollback <service> [version] [reason] [--dry-run] [--yes]`, without the `/ops`. */
export function usageOf(spec: CommandSpec): string {
  const positions = partsOf(spec.args).map((part) =>
    part.isOptional ? `[${bare(part)}]` : `<${bare(part)}>`,
  );
  const flags = partsOf(spec.flags).map((part) => {
    const flag = `--${kebabCase(part.name)}`;
    return part.meta.kind === "switch" ? `[${flag}]` : `[${flag} ${bare(part)}]`;
  });
  const standard = spec.acts ? ["[--dry-run]", "[--yes]"] : [];
  return [spec.name, ...positions, ...flags, ...standard].filter((word) => word !== "").join(" ");
}

/** Help on the commands the asker may use here, in the order declared. */
export function helpFor(specs: readonly CommandSpec[], allowed: (spec: CommandSpec) => boolean): HelpEntry[] {
  return specs
    .filter(allowed)
    .map((spec) => ({ name: spec.name, usage: usageOf(spec), summary: spec.summary, example: spec.example }));
}

/** A position as people read it: `<service>`, `<T|service>`, `<sev1|sev2>`. */
export function placeholder(part: ArgPart): string {
  return `<${bare(part)}>`;
}

function bare({ name, meta }: ArgPart): string {
  switch (meta.kind) {
    case "id":
      return meta.letter;
    case "target":
      return meta.takes.map(choiceText).join("|");
    case "choice":
      return meta.choices.join("|");
    case "person":
      return "@person";
    case "channel":
      return "#channel";
    case "pairs":
      return "key=value …";
    case "time":
    case "instant":
      return "time";
    case "steps":
      return "1,10,50,100";
    case "duration":
      return "24h";
    case "service":
    case "resource":
    case "team":
    case "version":
    case "word":
    case "rest":
    case "count":
    case "switch":
      return kebabCase(name);
  }
}

const choiceText = (choice: TargetChoice) => (choice === "person" ? "@person" : choice);
