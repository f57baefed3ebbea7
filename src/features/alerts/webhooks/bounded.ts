/** Makes what a reader read fit to be kept: texts that Postgres takes, identities and titles of bounded length. Pure. */
import type { ReadEvent } from "../events.ts";
import { type ReadAlert, untitled } from "../model.ts";
import { givenKey } from "./fingerprint.ts";
import type { Reader } from "./reader.ts";
import { clean } from "./texts.ts";

/** Characters of a title, and of the names, versions and references that other rooms look things up by. */
const titleCharsMax = 300;
const nameCharsMax = 300;

export const bounded =
  (read: Reader): Reader =>
  (inbound) => {
    const told = read(inbound);
    return {
      ...told,
      deliveryId: givenKey(told.deliveryId) ?? null,
      alerts: told.alerts.map(boundedAlert),
      events: told.events.map(boundedEvent),
      problems: told.problems.map(({ field, why }) => ({ field: clean(field), why: clean(why) })),
    };
  };

const cut = (text: string, charsMax: number): string => clean(text).slice(0, charsMax).toWellFormed();

const boundedTexts = (texts: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(texts).map(([name, text]) => [cut(name, nameCharsMax), clean(text)]));

const boundedAlert = (alert: ReadAlert): ReadAlert => ({
  ...alert,
  fingerprint: givenKey(alert.fingerprint) ?? alert.fingerprint,
  title: cut(alert.title.trim(), titleCharsMax) || untitled,
  labels: boundedTexts(alert.labels),
  annotations: boundedTexts(alert.annotations),
  ...(alert.severityText === undefined ? {} : { severityText: cut(alert.severityText, nameCharsMax) }),
});

/** Every text of an event is a name of something, but for title and address. */
function boundedEvent(event: ReadEvent): ReadEvent {
  const made = Object.fromEntries(
    Object.entries(event).map(([name, value]: [string, unknown]) => {
      if (typeof value !== "string") return [name, value];
      return [
        name,
        name === "url" ? clean(value) : cut(value, name === "title" ? titleCharsMax : nameCharsMax),
      ];
    }),
  ) as unknown as ReadEvent;
  return made.kind === "other" && made.facts !== undefined
    ? { ...made, facts: boundedTexts(made.facts) }
    : made;
}
