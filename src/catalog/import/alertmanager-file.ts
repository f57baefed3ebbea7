/**
 * What an alertmanager.yml holds, as far as it is carried over. Pure.
 * Source: prometheus.io, "Alerting configuration" (Alertmanager 0.25 and later; `match` and `match_re` of earlier ones).
 */
import { z } from "zod";
import type { LabelMatcher } from "../fields.ts";

const texts = z.record(z.string(), z.coerce.string());

export interface RouteFile {
  receiver?: string | undefined;
  matchers?: readonly string[] | undefined;
  match?: Readonly<Record<string, string>> | undefined;
  match_re?: Readonly<Record<string, string>> | undefined;
  continue?: boolean | undefined;
  group_wait?: string | undefined;
  repeat_interval?: string | undefined;
  routes?: readonly RouteFile[] | undefined;
}

const routeSchema: z.ZodType<RouteFile> = z.lazy(() =>
  z.object({
    receiver: z.string().optional(),
    matchers: z.union([z.array(z.string()), z.string().transform((text) => [text])]).optional(),
    match: texts.optional(),
    match_re: texts.optional(),
    continue: z.boolean().optional(),
    group_wait: z.string().optional(),
    repeat_interval: z.string().optional(),
    routes: z.array(routeSchema).optional(),
  }),
);

const configs = z.array(z.record(z.string(), z.unknown())).optional();
const receiverSchema = z
  .object({
    name: z.string({ error: "is missing" }).min(1, "is empty"),
    slack_configs: configs,
    pagerduty_configs: configs,
    opsgenie_configs: configs,
  })
  .catchall(z.unknown());
export type ReceiverFile = z.output<typeof receiverSchema>;

const inhibitSchema = z.object({
  source_match: texts.optional(),
  source_match_re: texts.optional(),
  source_matchers: z.array(z.string()).optional(),
  target_match: texts.optional(),
  target_match_re: texts.optional(),
  target_matchers: z.array(z.string()).optional(),
  equal: z.array(z.string()).optional(),
});

export const alertmanagerSchema = z.object({
  route: routeSchema,
  receivers: z.array(receiverSchema, { error: "is missing; it lists who is told" }),
  inhibit_rules: z.array(inhibitSchema).nullish(),
});

export type Matchers = Readonly<Record<string, LabelMatcher>>;

/** What a route or one side of an inhibition asks of labels; `twice` are labels that the catalog cannot ask twice. */
export function matchersOf(given: {
  matchers?: readonly string[] | undefined;
  match?: Readonly<Record<string, string>> | undefined;
  match_re?: Readonly<Record<string, string>> | undefined;
}): { labels: Matchers; unread: string[]; twice: string[] } {
  const labels: Record<string, LabelMatcher> = {};
  const unread: string[] = [];
  const twice: string[] = [];
  const put = (name: string, matcher: LabelMatcher) => {
    if (Object.hasOwn(labels, name)) twice.push(name);
    labels[name] = matcher;
  };
  for (const [name, text] of Object.entries(given.match ?? {})) put(name, text);
  for (const [name, matches] of Object.entries(given.match_re ?? {})) put(name, { matches });
  for (const text of (given.matchers ?? []).flatMap(splitMatchers)) {
    const [, name, operator, value] = /^\s*([a-zA-Z_][\w]*)\s*(=~|!~|!=|=)\s*([\s\S]*?)\s*$/.exec(text) ?? [];
    const plain = value === undefined ? undefined : unquoted(value);
    if (name === undefined || plain === undefined) unread.push(text);
    else
      put(
        name,
        operator === "="
          ? plain
          : operator === "!="
            ? { not: plain }
            : operator === "=~"
              ? { matches: plain }
              : { notMatches: plain },
      );
  }
  return { labels, unread, twice };
}

/** `{a="b",c=~"d,e"}` is several, `a="b"` is one. */
function splitMatchers(text: string): string[] {
  const inner = /^\s*\{([\s\S]*)\}\s*$/.exec(text)?.[1] ?? text;
  return (inner.match(/(?:"(?:[^"\\]|\\.)*"|[^,])+/g) ?? []).filter((part) => part.trim() !== "");
}

function unquoted(text: string): string | undefined {
  if (!text.startsWith('"')) return text.includes('"') ? undefined : text;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "string" ? value : undefined;
  } catch {
    return undefined;
  }
}

const unitsMs: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
  y: 31_536_000_000,
};

/** Milliseconds of `1h30m`, `1w`; undefined for what is none. */
export function promDurationMs(text: string): number | undefined {
  if (!/^(\d+(ms|[smhdwy]))+$/.test(text)) return undefined;
  return [...text.matchAll(/(\d+)(ms|[smhdwy])/g)].reduce(
    (sumMs, [, count, unit]) => sumMs + Number(count) * (unitsMs[unit ?? ""] ?? 0),
    0,
  );
}
