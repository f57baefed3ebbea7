/** Bodies as senders send them, by file `kind-variant.json`, each with what its reader must make of it. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import type { HookKind } from "../../../../src/catalog/hook-sources.ts";
import { senderOf } from "../../../../src/features/alerts/webhooks/senders.ts";
import { inbound } from "./inbound.ts";

const folder = "test/fixtures/payloads";

export interface Expected {
  /** Headers that come with the body and that its reader needs. */
  headers?: Record<string, string>;
  /** The whole delivery, times in ISO 8601. */
  read: object;
}

export const payloads = readdirSync(folder)
  .filter((name) => name.endsWith(".json"))
  .map((file) => {
    const kind = file.split("-", 1)[0] as HookKind;
    const path = `${folder}/expected/${file}`;
    const expected = existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as Expected) : undefined;
    const body = readFileSync(`${folder}/${file}`);
    return { file, kind, body, expected, headers: expected?.headers ?? {} };
  });

/** What the reader of a file's kind makes of a body, as JSON. */
export function readAs(kind: HookKind, body: Buffer, headers: Record<string, string>): unknown {
  const sender = senderOf(kind);
  if (sender === undefined) throw new Error(`nobody reads ${kind}`);
  return JSON.parse(JSON.stringify(sender.read(inbound(kind, body, { headers }))));
}
