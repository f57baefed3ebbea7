import { type Actors, acknowledged, opsChannel, type Step, see } from "./actors.ts";

export async function questions({ stack, now, olive, wait }: Actors, step: Step): Promise<void> {
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
      await wait(
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
