import {
  type Actors,
  acknowledged,
  alertsChannel,
  line,
  Missed,
  opsChannel,
  type Step,
  see,
} from "./actors.ts";
import { alertmanagerPost } from "./alert.ts";
import { labelsOf, type Person, type ShownMessage } from "./person.ts";
import type { Stack } from "./stack.ts";
import { history } from "./watch.ts";

/** Share of real requests that the stable version is made to fail in the second step. */
const faultRatio = 0.4;

async function postAlert(stack: Stack, body: string): Promise<void> {
  const answer = await fetch(`${stack.baseUrl}/hooks/alertmanager`, {
    method: "POST",
    body,
    headers: {
      authorization: `Bearer ${stack.hookToken("alertmanager")}`,
      "content-type": "application/json",
    },
  });
  see(answer.status === 200, `the hook answered ${answer.status} ${await answer.text()}`);
}

const pagesIn = (messages: readonly { text: string }[]): { text: string }[] =>
  messages.filter((message) => /PAGE/.test(message.text));

export async function alerts({ stack, now, olive, wait }: Actors, step: Step): Promise<void> {
  const startsAt = now();
  let card: ShownMessage | undefined;
  const cards = async () =>
    (await olive.see(alertsChannel)).filter(
      (message) => /HighErrorRate/.test(JSON.stringify(message)) && !/PAGE/.test(message.text),
    );

  await step("1 An alert while the budget is healthy becomes a ticket, not a page", async () => {
    await postAlert(stack, alertmanagerPost({ status: "firing", startsAt }));
    card = await wait("the ticket's card", async () => (await cards())[0]);
    const labels = labelsOf(card);
    see(labels.slice(0, 2).join() === "Runbook,Take it", `buttons are ${labels.join(", ")}`);
    see(
      ["Roll back", "Mute", "Actioned", "Noise"].every((label) => labels.includes(label)),
      `overflow is ${labels.join(", ")}`,
    );
    await postAlert(stack, alertmanagerPost({ status: "firing", startsAt }));
    await postAlert(stack, alertmanagerPost({ status: "resolved", startsAt, endsAt: now() }));
    await wait("the card to close", async () => (await cards())[0]?.text.includes("⚫"));
    const all = await history(stack.slackApiUrl, alertsChannel);
    see((await cards()).length === 1, `there are ${(await cards()).length} cards`);
    see(pagesIn(all).length === 0, "somebody was paged");
    return `${line(card.text)}; sent three times, one card, closed with the alert, nobody paged`;
  });

  await step(
    "2 Real errors burn the budget: the same alert now pages, once, until acknowledged",
    async () => {
      await setFault(stack, faultRatio);
      try {
        const firedAt = now();
        const page = await wait(
          "a page to whoever is on call",
          async () => {
            await postAlert(stack, alertmanagerPost({ status: "firing", startsAt: firedAt }));
            await new Promise((resolve) => setTimeout(resolve, 1_500));
            return (await pagesOf(olive))[0];
          },
          45_000,
        );
        see(
          labelsOf(page).slice(0, 2).join() === "Acknowledge,Roll back",
          `buttons are ${labelsOf(page).join(", ")}`,
        );
        acknowledged(await olive.press(page, "Acknowledge"));
        const after = await wait("the page to say who has it", async () =>
          (await pagesOf(olive)).find(
            (message) => message.ts === page.ts && /acknowledged/i.test(JSON.stringify(message)),
          ),
        );
        see((await pagesOf(olive)).length === 1, "it paged more than once");
        return `${line(page.text)} → ${line(after.text)}`;
      } finally {
        await setFault(stack, 0);
      }
    },
  );

  await step("3 The runbook opens in the thread with live values, deploys and its owner", async () => {
    card = (await cards()).at(-1);
    if (!card) throw new Missed("there is no card");
    acknowledged(await olive.press(card, "Runbook"));
    const { ts } = card;
    const runbook = await wait("the runbook in the card's thread", async () =>
      (await olive.see(alertsChannel, ts)).find((message) => /runbook/i.test(message.text)),
    );
    const text = JSON.stringify(runbook);
    see(/%/.test(text) && /v41/.test(text), "it has no live value or no deploy");
    await wait("its chart", async () =>
      (await olive.see(alertsChannel, ts))
        .find((message) => message.ts === runbook.ts)
        ?.blocks?.some((block) => block.type === "image"),
    );
    await postAlert(stack, alertmanagerPost({ status: "resolved", startsAt: now(), endsAt: now() }));
    return line(runbook.text);
  });
}

/** Pages as the person gets them: in their own conversation with Quarterdeck. */
async function pagesOf(person: Person): Promise<ShownMessage[]> {
  const { rooms } = await person.state<{ rooms: { id: string }[] }>(opsChannel);
  const direct = rooms.filter(({ id }) => id.startsWith("D"));
  const all = await Promise.all(direct.map(({ id }) => person.see(id)));
  return all.flat().filter((message) => /PAGE/.test(message.text));
}

async function setFault(stack: Stack, errorRatio: number): Promise<void> {
  const answer = await fetch(`${stack.shopUrl}/fault`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ errorRatio, delayMs: 0 }),
  });
  see(answer.ok, `the demo service answered ${answer.status}`);
}
