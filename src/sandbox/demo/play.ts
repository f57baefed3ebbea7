import { alertmanagerPost } from "./alert.ts";
import { openConsole } from "./console.ts";
import { type Deed, labelsOf, Person, type ShownMessage } from "./person.ts";
import type { Stack } from "./stack.ts";
import { until } from "./until.ts";
import { countVersions, history, type Login, onlyVersion, refusalOf, signIn } from "./watch.ts";

export interface StepResult {
  name: string;
  ok: boolean;
  saw: string;
}

const alertsChannel = "C0SHOPALERTS";
const leadsChannel = "C0LEADS";
const opsChannel = "C0OPS";
/** Share of real requests that the stable version is made to fail in the second step. */
const faultRatio = 0.4;
/** How long Dev's access lasts. */
const grantSec = 20;

class Missed extends Error {}
const see = (isSeen: boolean, otherwise: string): void => {
  if (!isSeen) throw new Missed(otherwise);
};
const acknowledged = (deed: Deed): void =>
  see(deed.ok && deed.ack?.status === 200, `not acknowledged: ${JSON.stringify(deed)}`);
const line = (text: string): string =>
  text
    .replace(/\s+/g, " ")
    .replace(/\u2060/g, "")
    .slice(0, 160);

/**
 * Plays the main job against a running stack and reports what was observed from outside: versions in real answers,
 * the database's own logins, the workspace's messages.
 */
export async function play(
  stack: Stack,
  now: () => Date,
  report: (step: StepResult) => void,
): Promise<StepResult[]> {
  const results: StepResult[] = [];
  const step = async (name: string, work: () => Promise<string>): Promise<boolean> => {
    const result: StepResult = await work().then(
      (saw) => ({ name, ok: true, saw }),
      (error: unknown) => ({ name, ok: false, saw: error instanceof Error ? error.message : String(error) }),
    );
    results.push(result);
    report(result);
    return result.ok;
  };
  const [olive, lena, dev] = await Promise.all(
    ["U0ONCALL", "U0LEAD", "U0DEV"].map((id) => new Person(stack.baseUrl, id).signIn()),
  );
  if (!olive || !lena || !dev) throw new Error("the three people of the local workspace could not sign in");
  const actors = { stack, now, olive, lena, dev };

  await step("Traffic flows to v41", async () => words(await onlyVersion(stack.routerUrl, "v41", 10_000)));
  await alerts(actors, step);
  await Promise.all([rollouts(actors, step), access(actors, step)]);
  await rollback(actors, step);
  await questions(actors, step);
  return results;
}

type Step = (name: string, work: () => Promise<string>) => Promise<boolean>;
interface Actors {
  stack: Stack;
  now: () => Date;
  olive: Person;
  lena: Person;
  dev: Person;
}

const words = (counts: Record<string, number>): string =>
  Object.entries(counts)
    .map(([version, count]) => `${count} answers from ${version}`)
    .join(", ");

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

async function alerts({ stack, now, olive }: Actors, step: Step): Promise<void> {
  const startsAt = now();
  let card: ShownMessage | undefined;
  const cards = async () =>
    (await olive.see(alertsChannel)).filter(
      (message) => /HighErrorRate/.test(JSON.stringify(message)) && !/PAGE/.test(message.text),
    );

  await step("1 An alert while the budget is healthy becomes a ticket, not a page", async () => {
    await postAlert(stack, alertmanagerPost({ status: "firing", startsAt }));
    card = await until("the ticket's card", async () => (await cards())[0]);
    const labels = labelsOf(card);
    see(labels.slice(0, 2).join() === "Runbook,Take it", `buttons are ${labels.join(", ")}`);
    see(
      ["Roll back", "Mute", "Actioned", "Noise"].every((label) => labels.includes(label)),
      `overflow is ${labels.join(", ")}`,
    );
    await postAlert(stack, alertmanagerPost({ status: "firing", startsAt }));
    await postAlert(stack, alertmanagerPost({ status: "resolved", startsAt, endsAt: now() }));
    await until("the card to close", async () => (await cards())[0]?.text.includes("⚫"));
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
        const page = await until(
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
        const after = await until("the page to say who has it", async () =>
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
    const runbook = await until("the runbook in the card's thread", async () =>
      (await olive.see(alertsChannel, ts)).find((message) => /runbook/i.test(message.text)),
    );
    const text = JSON.stringify(runbook);
    see(/%/.test(text) && /v41/.test(text), "it has no live value or no deploy");
    await until("its chart", async () =>
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
  const { channels = [] } = await person.state<{ channels?: { id: string }[] }>(opsChannel);
  const direct = channels.filter(({ id }) => id.startsWith("D"));
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

const rolloutCard = (version: string) => async (person: Person) =>
  (await person.see(alertsChannel)).findLast(
    (message) => /rollout/i.test(message.text) && message.text.includes(`→ ${version}`),
  );

async function rollouts({ stack, olive }: Actors, step: Step): Promise<void> {
  const startRollout = (version: string) =>
    until(
      `the rollout of ${version} to start`,
      async () => {
        const running = await rolloutCard(version)(olive);
        if (running) return running;
        acknowledged(await olive.send(alertsChannel, `/ops rollout start shop ${version}`));
        await new Promise((resolve) => setTimeout(resolve, 2_000));
        return rolloutCard(version)(olive);
      },
      40_000,
    );

  await step("4a A good canary reaches all traffic by itself", async () => {
    const card = await startRollout("v42");
    see(labelsOf(card).includes("Revert"), `buttons are ${labelsOf(card).join(", ")}`);
    const seen = await onlyVersion(stack.routerUrl, "v42", 90_000);
    const done = await until(
      "the card to say so",
      async () => {
        const last = await rolloutCard("v42")(olive);
        return last && /🟢|⚫/u.test(last.text) && last;
      },
      60_000,
    );
    return `${line(done.text)}; ${words(seen)}`;
  });

  await step("4b A bad canary is stopped by its signals and sent back", async () => {
    await startRollout("v43");
    await until(
      "v43 to get traffic",
      async () => (await countVersions(stack.routerUrl, 400)).v43,
      20_000,
    ).catch(() => undefined);
    const over = await until(
      "the card to name the signal and the recovery",
      async () => {
        const last = await rolloutCard("v43")(olive);
        return (
          last &&
          /error/i.test(JSON.stringify(last)) &&
          /Recovered|No better/.test(JSON.stringify(last)) &&
          last
        );
      },
      60_000,
    );
    const seen = await onlyVersion(stack.routerUrl, "v42", 10_000);
    return `${line(over.text)}; ${words(seen)}`;
  });
}

async function rollback({ stack, olive }: Actors, step: Step): Promise<void> {
  await step("5 A rollback shows what it would do, does it once confirmed, and compares", async () => {
    acknowledged(await olive.send(alertsChannel, "/ops rollback shop"));
    const preview = await until("the preview", async () =>
      (await olive.see(alertsChannel)).findLast(
        (message) =>
          message.ephemeral &&
          /v42/.test(message.text) &&
          /v41/.test(message.text) &&
          labelsOf(message).length > 0,
      ),
    );
    see((await countVersions(stack.routerUrl)).v42 !== undefined, "it went back before it was confirmed");
    acknowledged(await olive.press(preview, labelsOf(preview)[0] as string));
    const seen = await onlyVersion(stack.routerUrl, "v41", 30_000);
    const card = await until(
      "the card to state parity",
      async () =>
        (await olive.see(alertsChannel)).findLast(
          (message) =>
            !message.ephemeral &&
            /parity/i.test(JSON.stringify(message)) &&
            /v41/.test(message.text) &&
            /rollback/i.test(JSON.stringify(message)),
        ),
      30_000,
    );
    return `${line(preview.text)} → ${line(card.text)}; ${words(seen)}`;
  });
}

async function access({ stack, lena, dev }: Actors, step: Step): Promise<void> {
  let login: Login | undefined;
  let open: Awaited<ReturnType<typeof signIn>> | undefined;
  const isGranted = await step(
    "6a Access is asked for, approved by a lead only, claimed signed in",
    async () => {
      acknowledged(
        await dev.send(opsChannel, `/ops access request orders-db readonly ${grantSec}s INC-42 stuck orders`),
      );
      const card = await dev.sees(leadsChannel, /orders-db/);
      acknowledged(await dev.press(card, "Approve"));
      await dev.sees(leadsChannel, /your own|nobody approves|own request/i);
      acknowledged(await lena.press(card, "Approve"));
      const granted = await until("the card to name who approved", async () =>
        (await lena.see(leadsChannel)).find(
          (message) => message.ts === card.ts && /approved/i.test(JSON.stringify(message)),
        ),
      );
      const id = /G-\d+/.exec(JSON.stringify(granted))?.[0];
      if (!id) throw new Missed("the card has no id");
      login = await (await openConsole(stack.baseUrl, dev.cookie)).claim(id);
      open = await signIn(login);
      const { rows } = await open.query<{ count: string }>("select count(*) from orders");
      see(Number(rows[0]?.count) > 0, "the login reads no orders");
      return `${id} approved by Lena, not by Dev; ${login.user} reads ${rows[0]?.count} orders`;
    },
  );
  if (!isGranted) return;
  await step("6b At its end the login is dead and the open session with it", async () => {
    const session = open as Awaited<ReturnType<typeof signIn>>;
    const refusal = await until(
      "the login to be refused",
      () => refusalOf(login as Login),
      (grantSec + 40) * 1_000,
    );
    const cut = await session.query("select 1").then(
      () => undefined,
      (error: Error) => error.message,
    );
    see(cut !== undefined, "the open session lives on");
    const card = await until(
      "the card to say it ended",
      async () =>
        (await lena.see(leadsChannel)).find(
          (message) => /ended/i.test(message.text) && /orders-db/.test(JSON.stringify(message)),
        ),
      30_000,
    );
    return `${line(refusal)}; open session: ${line(cut ?? "")}; ${line(card.text)}`;
  });
}

async function questions({ stack, now, olive }: Actors, step: Step): Promise<void> {
  await step("7 Questions are answered", async () => {
    const answer = await fetch(`${stack.baseUrl}/hooks/deploys`, {
      method: "POST",
      headers: { authorization: `Bearer ${stack.hookToken("deploys")}`, "content-type": "application/json" },
      body: JSON.stringify({
        service: "payments",
        environment: "production",
        version: "v7",
        by: "ci",
        at: now().toISOString(),
        reference: "build-7",
      }),
    });
    see(answer.ok, `POST /hooks/deploys answered ${answer.status} ${await answer.text()}`);
    const asked: [string, RegExp][] = [
      ["/ops", /./],
      ["/ops deploys shop", /v42/],
      ["/ops deploys payments", /v7/],
      ["/ops status shop", /v41/],
      ["/ops why T-1", /T-1|budget/i],
      ["/ops oncall storefront", /U0ONCALL|Olive/],
      ["/ops audit shop", /rollout/],
      ["/ops help", /rollout start/],
    ];
    for (const [text, wanted] of asked) {
      const before = (await olive.see(opsChannel)).length;
      acknowledged(await olive.send(opsChannel, text));
      await until(
        `an answer to ${text}`,
        async () =>
          (await olive.see(opsChannel))
            .slice(before)
            .find((message) => wanted.test(`${message.text} ${JSON.stringify(message.blocks ?? "")}`)),
        15_000,
      );
    }
    return asked.map(([text]) => text).join(", ");
  });
}
