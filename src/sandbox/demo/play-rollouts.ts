import { type Actors, acknowledged, alertsChannel, line, type Step, see, words } from "./actors.ts";
import { labelsOf, type Person } from "./person.ts";
import { countVersions } from "./watch.ts";

const rolloutCard = (version: string) => async (person: Person) =>
  (await person.see(alertsChannel)).findLast(
    (message) => /rollout/i.test(message.text) && message.text.includes(`→ ${version}`),
  );

export async function rollouts({ stack, olive, wait, onlyVersion }: Actors, step: Step): Promise<void> {
  const startRollout = (version: string) =>
    wait(
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
    const seen = await onlyVersion("v42", 90_000);
    const done = await wait(
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
    await wait(
      "v43 to get traffic",
      async () => (await countVersions(stack.routerUrl, 400)).v43,
      20_000,
    ).catch(() => undefined);
    const over = await wait(
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
    const seen = await onlyVersion("v42", 10_000);
    return `${line(over.text)}; ${words(seen)}`;
  });
}

export async function rollback({ stack, olive, wait, onlyVersion }: Actors, step: Step): Promise<void> {
  await step("5 A rollback shows what it would do, does it once confirmed, and compares", async () => {
    acknowledged(await olive.send(alertsChannel, "/ops rollback shop"));
    const preview = await wait("the preview", async () =>
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
    const seen = await onlyVersion("v41", 30_000);
    const card = await wait(
      "the card to state parity",
      async () =>
        (await olive.see(alertsChannel)).findLast(
          (message) =>
            !message.ephemeral &&
            /parity|exactly as recorded/i.test(JSON.stringify(message)) &&
            /v41/.test(message.text) &&
            /rollback/i.test(JSON.stringify(message)),
        ),
      30_000,
    );
    return `${line(preview.text)} → ${line(card.text)}; ${words(seen)}`;
  });
}
