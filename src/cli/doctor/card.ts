import { randomBytes } from "node:crypto";
import type { App } from "../../app.ts";
import type { Catalog } from "../../catalog/schema.ts";
import { card, mention } from "../../platform/messages/blocks.ts";
import { eventually } from "./eventually.ts";
import { type Finding, failed, notProven, ok } from "./finding.ts";

/** Milliseconds until the card stands in Slack, and until somebody has pressed. */
const shownMaxMs = 30_000;
const pressedMaxMs = 5 * 60_000;

interface Parts {
  app: App;
  catalog: Catalog;
  channel: string | undefined;
  /** Tells the person at the terminal what to do. */
  say: (line: string) => void;
  pressedMaxMs?: number;
}

/**
 * The whole way and back: a card through the outbox, the worker and Slack; a press through Slack, its signature, the
 * inbox and the worker. Its button is an ordinary command, so nothing is built for the test alone.
 */
export async function checkCard(parts: Parts): Promise<Finding[]> {
  const { app, catalog } = parts;
  const team = app.slackTeam();
  const channel =
    parts.channel ??
    catalog.channels.find(({ name }) => name === catalog.organisation.defaultChannel)?.slack[team];
  if (!channel)
    return [
      failed("Test card", "there is no channel to post it to", "Give one: quarterdeck doctor --channel C…"),
    ];
  const key = `doctor:${randomBytes(6).toString("hex")}`;
  const show = (state: { last?: string }) =>
    app.database.tx(async (tx) =>
      tx.say({
        key,
        channel,
        urgent: true,
        ...card({
          mark: state.last ? "🟢" : "⚪",
          headline: "Test card of `quarterdeck doctor`",
          context: [
            state.last
              ? "Nothing is left to do."
              : "Press the button: I answer you alone, and the doctor sees that it came.",
          ],
          verbs: state.last ? [] : [{ label: "It works", line: "status" }],
          last: state.last,
        }),
      }),
    );

  await show({});
  const posted = await eventually(shownMaxMs, async () => {
    const row = await app.database.db
      .selectFrom("messages")
      .select(["ts", "error"])
      .where("key", "=", key)
      .executeTakeFirst();
    return row?.ts || row?.error ? row : undefined;
  });
  if (!posted)
    return [
      failed("Test card", "nobody posted it within 30 s", "Check that a worker runs and reaches Slack."),
    ];
  if (!posted.ts)
    return [
      failed("Test card", `Slack refused it: ${posted.error}`, "Invite the bot there: /invite @quarterdeck"),
    ];

  parts.say(`A test card stands in ${channel}. Press its button (waiting up to 5 minutes; Ctrl-C gives up).`);
  const ts = posted.ts;
  const pressed = await eventually(parts.pressedMaxMs ?? pressedMaxMs, () =>
    app.database.db
      .selectFrom("inbox")
      .select(["id", "person"])
      .where("kind", "=", "action")
      .where((eb) => eb(eb.ref("payload", "->>").key("messageTs" as never), "=", ts as never))
      .executeTakeFirst(),
  );
  if (!pressed) {
    await show({ last: "Nobody pressed." });
    return [
      ok("Test card", `posted to ${channel}`),
      notProven(
        "Press",
        "nobody pressed",
        "Check Interactivity's address in the Slack app (`quarterdeck manifest`), then try again.",
      ),
    ];
  }
  const answered = await eventually(shownMaxMs, async () => {
    const row = await app.database.db
      .selectFrom("inbox")
      .select("done_at")
      .where("id", "=", pressed.id)
      .executeTakeFirst();
    return row?.done_at ?? undefined;
  });
  await show({ last: `Pressed by ${mention(pressed.person)}.` });
  return [
    ok("Test card", `posted to ${channel}`),
    answered
      ? ok("Press", `by ${pressed.person}: signature, inbox and answer work`)
      : failed(
          "Press",
          `by ${pressed.person} came, and was not answered within 30 s`,
          "Check that a worker runs.",
        ),
  ];
}
