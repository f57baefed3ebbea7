import {
  type Actors,
  acknowledged,
  leadsChannel,
  line,
  Missed,
  opsChannel,
  type Step,
  see,
} from "./actors.ts";
import { openConsole } from "./console.ts";
import { type Login, refusalOf, signIn } from "./watch.ts";

/** `grantSec`: how long Dev's access lasts. */
export async function access(
  { stack, lena, dev, wait }: Actors,
  step: Step,
  grantSec: number,
): Promise<void> {
  let login: Login | undefined;
  let open: Awaited<ReturnType<typeof signIn>> | undefined;
  const isGranted = await step(
    "6a Access is asked for, approved by a lead only, claimed signed in by OpenID Connect",
    async () => {
      acknowledged(
        await dev.send(opsChannel, `/ops access request orders-db readonly ${grantSec}s INC-42 stuck orders`),
      );
      const card = await dev.sees(leadsChannel, /orders-db/);
      acknowledged(await dev.press(card, "Approve"));
      await dev.sees(leadsChannel, /your own|nobody approves|own request/i);
      acknowledged(await lena.press(card, "Approve"));
      const granted = await wait("the card to name who approved", async () =>
        (await lena.see(leadsChannel)).find(
          (message) => message.ts === card.ts && /approved/i.test(JSON.stringify(message)),
        ),
      );
      const id = /G-\d+/.exec(JSON.stringify(granted))?.[0];
      if (!id) throw new Missed("the card has no id");
      const issuer = await dev.signInToConsole();
      see(
        issuer.endsWith("/workspace/oidc"),
        `the console was not signed in to by OpenID Connect: ${issuer}`,
      );
      login = await (await openConsole(stack.baseUrl, dev.cookie)).claim(id);
      open = await signIn(login);
      const { rows } = await open.query<{ count: string }>("select count(*) from orders");
      see(Number(rows[0]?.count) > 0, "the login reads no orders");
      return `${id} approved by Lena, not by Dev, who signed in at ${issuer}; ${login.user} reads ${rows[0]?.count} orders`;
    },
  );
  if (!isGranted) return;
  await step("6b At its end the login is dead and the open session with it", async () => {
    const session = open as Awaited<ReturnType<typeof signIn>>;
    const refusal = await wait(
      "the login to be refused",
      () => refusalOf(login as Login),
      (grantSec + 40) * 1_000,
    );
    // The database itself refuses from that second on; who is signed in stays until Quarterdeck ends the session.
    const cut = await wait("the open session to end", () =>
      session.query("select 1").then(
        () => undefined,
        (error: Error) => error.message,
      ),
    );
    const card = await wait(
      "the card to say it ended",
      async () =>
        (await lena.see(leadsChannel)).find(
          (message) => /ended/i.test(message.text) && /orders-db/.test(JSON.stringify(message)),
        ),
      30_000,
    );
    return `${line(refusal)}; open session: ${line(cut)}; ${line(card.text)}`;
  });
}
