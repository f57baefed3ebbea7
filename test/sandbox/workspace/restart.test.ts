import { appendFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { ada, type Body, type Harness, lea, openHarness, ops, Person } from "./harness.ts";

let folder: string;
let open: Harness[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "workspace-"));
});
afterEach(async () => {
  for (const h of open) await h.close();
  open = [];
  rmSync(folder, { recursive: true, force: true });
});

async function start(): Promise<Harness> {
  const h = await openHarness({ stateFile: join(folder, "conversation.jsonl") });
  open.push(h);
  return h;
}
async function stop(h: Harness): Promise<void> {
  open = open.filter((one) => one !== h);
  await h.close();
}

it("keeps messages, threads, edits, metadata and direct messages under their old times", async () => {
  const before = await start();
  const metadata = { event_type: "card", event_payload: { key: "T-1" } };
  const card = await before.client.chat.postMessage({ channel: ops, text: "card", metadata });
  const ts = card.ts ?? "";
  await before.client.chat.postMessage({ channel: ops, text: "in the thread", thread_ts: ts });
  const gone = await before.client.chat.postMessage({ channel: ops, text: "to be deleted" });
  await before.client.chat.delete({ channel: ops, ts: gone.ts ?? "" });
  await before.client.chat.update({ channel: ops, ts, text: "card, edited", metadata });
  const dm = await before.client.chat.postMessage({ channel: ada, text: "for ada" });
  await (await Person.as(before, lea)).post("send", { channel: ops, text: "said by lea" });
  await stop(before);

  const after = await start();
  const history = await after.client.conversations.history({ channel: ops, include_all_metadata: true });
  expect(history.messages?.map((m) => m.text)).toEqual(["said by lea", "card, edited"]);
  expect(history.messages?.[1]).toMatchObject({ ts, metadata, edited: { user: "U0QUARTER" } });
  expect(history.messages?.[0]).toMatchObject({ user: lea });
  const thread = await after.client.conversations.replies({ channel: ops, ts });
  expect(thread.messages?.map((m) => m.text)).toEqual(["card, edited", "in the thread"]);
  expect((await after.client.chat.update({ channel: ops, ts, text: "changed again" })).ok).toBe(true);
  expect((await after.client.chat.postMessage({ channel: ada, text: "again" })).channel).toBe(dm.channel);
  const reply = await after.client.chat.postMessage({ channel: ops, text: "later", thread_ts: ts });
  const shown = await (await Person.as(after, ada)).screen(ops, ts);
  expect(shown.thread.messages.map((m: Body) => [m.ts, m.text])).toContainEqual([reply.ts, "later"]);
});

it("shows uploaded pictures after a restart and lets cards refer to them", async () => {
  const before = await start();
  const png = Buffer.from("\x89PNG\r\n\x1a\nrest", "latin1");
  const uploaded = await before.client.files.uploadV2({ filename: "chart.png", file: png });
  const id = (uploaded as unknown as { files: { files: { id: string }[] }[] }).files[0]?.files[0]?.id ?? "";
  await stop(before);

  const after = await start();
  const { cookie } = await Person.as(after, ada);
  const res = await fetch(`${after.origin}/workspace/files/${id}`, { headers: { cookie } });
  expect(res.headers.get("content-type")).toBe("image/png");
  expect((await after.client.files.info({ file: id })).file?.name).toBe("chart.png");
  const blocks = [{ type: "image" as const, alt_text: "chart", slack_file: { id } }];
  expect((await after.client.chat.postMessage({ channel: ops, text: "card", blocks })).ok).toBe(true);
});

it("starts from a journal whose last line a crash cut short", async () => {
  const before = await start();
  await before.client.chat.postMessage({ channel: ops, text: "kept" });
  await stop(before);
  appendFileSync(join(folder, "conversation.jsonl"), '{"is":"said","message":{"chan');
  const after = await start();
  const history = await after.client.conversations.history({ channel: ops });
  expect(history.messages?.map((m) => m.text)).toEqual(["kept"]);
});

it("a session outlives the restart", async () => {
  const before = await start();
  const person = await Person.as(before, lea);
  await stop(before);
  const after = await start();
  const res = await fetch(`${after.origin}/workspace/api/session`, { headers: { cookie: person.cookie } });
  expect(await res.json()).toMatchObject({ user: lea, token: person.token });
});
