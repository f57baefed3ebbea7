import { readdirSync, readFileSync } from "node:fs";
import { type HookKind, hookKinds } from "../../src/catalog/hook-sources.ts";
import { senderOf } from "../../src/features/alerts/webhooks/senders.ts";
import { alternate, type Bench, type Benchmark, type Result } from "./measure.ts";

const rounds = 5;
/** How long one side of a round is measured, in milliseconds. */
const roundMs = 60;
const folder = "test/fixtures/payloads";

/**
 * Each sender's real bodies, read by its reader and, beside it, by a bare JSON.parse: what checking, cleaning and
 * naming costs. One process, no database; the figure is the reader's share of JSON.parse's bodies a second.
 */
export const readersBenchmark: Benchmark = {
  name: "readers",
  about: "Each sender's real bodies by its reader, against a bare JSON.parse of the same bytes.",
  async run({ say }: Bench): Promise<Result[]> {
    const results: Result[] = [];
    for (const kind of hookKinds) {
      const sender = senderOf(kind);
      const bodies = bodiesOf(kind);
      if (sender === undefined || bodies.length === 0) continue;
      say(kind);
      const source = { name: kind, kind, team: "storefront" };
      const receivedAt = new Date("2026-03-02T10:00:00Z");
      const count = (body: Buffer): number => {
        const { alerts, events } = sender.read({ body, headers: {}, source, receivedAt });
        return alerts.length + events.length;
      };
      const things = bodies.reduce((sum, body) => sum + count(body), 0);
      const ours = async () => perSecond(() => bodies.map(count)) * bodies.length;
      const bare = async () =>
        perSecond(() => bodies.map((body) => JSON.parse(body.toString("utf8")) as unknown)) * bodies.length;
      await ours();
      await bare();
      const measured = await alternate(rounds, ours, bare);
      results.push({
        name: `readers.${kind}`,
        value: measured.ratio,
        goal: { atLeast: 0.02 },
        unit: "ratio",
        beside: `${Math.round((measured.ours * things) / bodies.length)} alerts or events/s; bodies/s ${Math.round(measured.ours)}, by JSON.parse alone ${Math.round(measured.theirs)}`,
      });
    }
    return results;
  },
};

const bodiesOf = (kind: HookKind): Buffer[] =>
  readdirSync(folder)
    .filter((file) => file.startsWith(`${kind}-`) && file.endsWith(".json"))
    .map((file) => readFileSync(`${folder}/${file}`));

/** Runs a second, doing it over and over for {@link roundMs}. */
function perSecond(once: () => unknown): number {
  const beganMs = performance.now();
  let runs = 0;
  let spentMs = 0;
  while (spentMs < roundMs) {
    once();
    runs += 1;
    spentMs = performance.now() - beganMs;
  }
  return (runs / spentMs) * 1_000;
}
