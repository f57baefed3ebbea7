/** Names at a position: services, resources, teams, people, channels, versions. */
import { allow, type Decision } from "../refusal.ts";
import type { GrammarContext } from "./context.ts";
import { type Found, one, refuseWord } from "./found.ts";
import { suggestion } from "./nearest.ts";
import { type ServiceTarget, wordLengthMax } from "./spec.ts";

/** Names are ASCII: a Cyrillic `а` or a zero-width space must not pass for what it looks like. */
export function readName(word: string): Decision<string> {
  if (/[^\x20-\x7e]/.test(word)) {
    return refuseWord(
      "ascii-names",
      word,
      "has a character that is not ASCII",
      "Names are plain letters and digits; type it anew instead of pasting.",
    );
  }
  if (word.length > wordLengthMax)
    return refuseWord("name-too-long", word, `is longer than ${wordLengthMax} characters`, "");
  if (!/^[A-Za-z0-9][A-Za-z0-9._:/+-]*$/.test(word)) {
    return refuseWord("not-a-name", word, "is not a name", "Names are letters, digits and . _ : / + - only.");
  }
  return allow(word);
}

/** Exact first, then without regard to case: phones capitalise the first word. */
export function findName(word: string, names: readonly string[]): string | undefined {
  return (
    names.find((name) => name === word) ?? names.find((name) => name.toLowerCase() === word.toLowerCase())
  );
}

export function readService(word: string, { services }: GrammarContext): Found {
  const at = word.indexOf("@");
  const [typedName, typedEnvironment] = at > 0 ? [word.slice(0, at), word.slice(at + 1)] : [word, undefined];
  const checked = readName(typedName);
  if (!checked.ok) return checked;
  const names = services.map(({ name }) => name);
  const name = findName(typedName, names);
  const service = services.find((candidate) => candidate.name === name);
  if (service === undefined)
    return refuseWord("unknown-service", typedName, "is not a service", suggestion(typedName, names));
  if (typedEnvironment === undefined) {
    const target: ServiceTarget = {
      service: service.name,
      environment: service.defaultEnvironment,
      isDefault: true,
    };
    return one(target, `${service.name}@${service.defaultEnvironment} (default environment)`);
  }
  const environment = findName(typedEnvironment, service.environments);
  if (environment === undefined) {
    return refuseWord(
      "unknown-environment",
      typedEnvironment,
      `is not an environment of ${service.name}`,
      suggestion(typedEnvironment, service.environments),
    );
  }
  return one({ service: service.name, environment, isDefault: false } satisfies ServiceTarget);
}

export function readResource(word: string, { resources, services }: GrammarContext): Found {
  const checked = readName(word);
  if (!checked.ok) return checked;
  const names = resources.map(({ name }) => name);
  const name = findName(word, names);
  if (name !== undefined) return one(name);
  const service = findName(
    word,
    services.map((known) => known.name),
  );
  if (service === undefined)
    return refuseWord("unknown-resource", word, "is not a resource", suggestion(word, names));
  const own = resources.filter((resource) => resource.service === service).map((resource) => resource.name);
  const hint =
    own.length > 0 ? `Resources of ${service}: ${own.join(", ")}.` : `${service} has no resources.`;
  return refuseWord("service-for-resource", service, "is a service; a resource is due here", hint);
}

export function readTeam(word: string, { teams }: GrammarContext): Found {
  const checked = readName(word);
  if (!checked.ok) return checked;
  const team = findName(word, teams);
  return team === undefined
    ? refuseWord("unknown-team", word, "is not a team", suggestion(word, teams))
    : one(team);
}

export function readPerson(word: string, { people }: GrammarContext): Found {
  const mention = /^<@([A-Z0-9]+)(?:\|[^<>]*)?>$/.exec(word);
  if (mention !== null) {
    const person = people.find(({ slackUserIds }) => slackUserIds.includes(mention[1] ?? ""));
    if (person !== undefined) return one(person.id);
    return refuseWord(
      "unknown-person",
      mention[1] ?? "",
      "is nobody the catalog knows",
      "Add the person to the catalog.",
    );
  }
  if (!word.startsWith("@"))
    return refuseWord("not-a-person", word, "is not a person", "Write @ and the name: @olive.");
  const wanted = word.slice(1).toLowerCase();
  const handles = people.map((person) => ({ id: person.id, handles: handlesOf(person) }));
  const exact = handles.filter(({ id }) => id.toLowerCase() === wanted);
  const found = exact.length > 0 ? exact : handles.filter((person) => person.handles.includes(wanted));
  const [person, other] = found;
  if (person === undefined)
    return refuseWord(
      "unknown-person",
      word,
      "is nobody the catalog knows",
      suggestion(
        wanted,
        people.map(({ id }) => id),
      ),
    );
  if (other !== undefined) {
    return refuseWord(
      "ambiguous-person",
      word,
      "is the name of several people",
      `Write one of ${found.map(({ id }) => `@${id}`).join(", ")}.`,
    );
  }
  return one(person.id);
}

/** `olive`, `olive.okafor`, `oliveokafor`, and what stands before the @ of the e-mail address. */
function handlesOf({ id, name, email }: GrammarContext["people"][number]): string[] {
  const words = name.toLowerCase().split(/\s+/);
  return [
    id.toLowerCase(),
    words.join("."),
    words.join("-"),
    words.join(""),
    words[0] ?? "",
    email?.split("@")[0]?.toLowerCase() ?? "",
  ].filter((handle) => handle !== "");
}

export function readChannel(word: string): Found {
  const escaped = /^<#([A-Z0-9]+)(?:\|([^<>]*))?>$/.exec(word);
  if (escaped !== null) return one({ id: escaped[1] ?? "", ...(escaped[2] ? { name: escaped[2] } : {}) });
  return refuseWord("not-a-channel", word, "is not a channel", "Write # and pick it from Slack's list.");
}

export function readVersion(word: string): Found {
  const checked = readName(word);
  if (!checked.ok) return checked;
  if (!/[0-9]/.test(word))
    return refuseWord("not-a-version", word, "is not a version", "A version has a digit: v42, 1.4.2.");
  return one(word);
}

export function readWord(word: string): Found {
  const checked = readName(word);
  return checked.ok ? one(word) : checked;
}
