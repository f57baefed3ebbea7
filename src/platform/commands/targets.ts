/** Ids, and positions that take several kinds of thing. */
import { type IdLetter, kindByLetter, parseId } from "../ids.ts";
import type { GrammarContext } from "./context.ts";
import { type Found, one, refuseWord } from "./found.ts";
import { readName, readPerson, readResource, readService, readTeam } from "./names.ts";
import { suggestion } from "./nearest.ts";
import type { ServiceTarget, Target, TargetChoice } from "./spec.ts";

export function readId(word: string, letters: readonly IdLetter[]): Found {
  const parsed = parseId(word);
  const due = letters.map((letter) => `a ${kindByLetter[letter]} (${letter}-12)`).join(" or ");
  if (parsed === undefined) return refuseWord("not-an-id", word, "is not an id", `Due here is ${due}.`);
  if (letters.includes(parsed.letter)) return one(parsed.id);
  return refuseWord("id-of-other-kind", parsed.id, `is a ${parsed.kind}`, `Due here is ${due}.`);
}

export function readTarget(word: string, takes: readonly TargetChoice[], context: GrammarContext): Found {
  const target = (value: Target, echo: readonly string[] = []) => one(value, ...echo);
  if (takes.includes("person") && /^(@|<@)/.test(word)) {
    const found = readPerson(word, context);
    return found.ok ? target({ is: "person", person: String(found.value.value) }) : found;
  }
  if (takes.includes("all") && word.toLowerCase() === "all") return target({ is: "all" });
  if (takes.includes("service")) {
    const found = readService(word, context);
    // An environment that does not exist is the mistake to name, not that the word is no team.
    if (!found.ok && found.refusal.rule === "unknown-environment") return found;
    if (found.ok) return target({ is: "service", ...(found.value.value as ServiceTarget) }, found.value.echo);
  }
  const team = takes.includes("team") ? readTeam(word, context) : undefined;
  if (team?.ok) return target({ is: "team", team: String(team.value.value) });
  const resource = takes.includes("resource") ? readResource(word, context) : undefined;
  if (resource?.ok) return target({ is: "resource", resource: String(resource.value.value) });
  const letters = takes.includes("id") ? (Object.keys(kindByLetter) as IdLetter[]) : takes.filter(isLetter);
  const parsed = parseId(word);
  if (parsed !== undefined && letters.includes(parsed.letter))
    return target({ is: "id", kind: parsed.kind, id: parsed.id });
  return refuseTarget(word, takes, letters, context, resource);
}

function refuseTarget(
  word: string,
  takes: readonly TargetChoice[],
  letters: readonly IdLetter[],
  context: GrammarContext,
  resource: Found | undefined,
): Found {
  const parsed = parseId(word);
  if (parsed !== undefined && letters.length > 0) return readId(word, letters);
  const checked = readName(word);
  if (!checked.ok) return checked;
  if (resource !== undefined && !resource.ok && resource.refusal.rule === "service-for-resource")
    return resource;
  const known = [
    ...(takes.includes("service") ? context.services.map(({ name }) => name) : []),
    ...(takes.includes("team") ? context.teams : []),
    ...(takes.includes("resource") ? context.resources.map(({ name }) => name) : []),
  ];
  return refuseWord("unknown-target", word, `is not ${kindsText(takes)}`, suggestion(word, known));
}

const isLetter = (choice: TargetChoice): choice is IdLetter => choice in kindByLetter;

function kindsText(takes: readonly TargetChoice[]): string {
  const kinds = takes.map((choice) =>
    isLetter(choice)
      ? `a ${kindByLetter[choice]} (${choice}-12)`
      : choice === "id"
        ? "an id"
        : choice === "all"
          ? "all"
          : `a ${choice}`,
  );
  return kinds.length > 1 ? `${kinds.slice(0, -1).join(", ")} or ${kinds.at(-1)}` : (kinds[0] ?? "known");
}
