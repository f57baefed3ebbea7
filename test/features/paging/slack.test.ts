import { afterAll, beforeAll, expect, it } from "vitest";
import { localPeople } from "../../../src/sandbox/people.ts";
import { dmIdOf } from "../../../src/sandbox/workspace/emulator.ts";
import { startTestApp, type TestApp } from "../../support/app.ts";
import { labelsOf, type Person } from "../../support/person.ts";
import { until } from "../../support/until.ts";
import { sampleFolder } from "../signals/rig.ts";

let quarterdeck: TestApp;
let catalog: Awaited<ReturnType<typeof sampleFolder>>;
let olive: Person;
let lena: Person;
let dev: Person;
beforeAll(async () => {
  catalog = await sampleFolder([
    ["remindEvery: 5m, escalateAfter: 15m", "remindEvery: 2s, escalateAfter: 4s"],
  ]);
  quarterdeck = await startTestApp({ catalogDir: catalog.dir });
  olive = await quarterdeck.person("U0ONCALL");
  lena = await quarterdeck.person("U0LEAD");
  dev = await quarterdeck.person("U0DEV");
});
afterAll(async () => {
  await quarterdeck.close();
  await catalog.remove();
});

/** The person's own conversation with Quarterdeck. */
const direct = (person: Person): string => dmIdOf(person.id, localPeople.botUser.id);

it("pages who is on call, repeats, moves on, and stops for the one who presses first", async () => {
  await dev.send("C0OPS", "/ops page shop checkout hangs <!channel> for everybody");
  await dev.sees("C0OPS", /Paged Olive Okafor/);
  const page = await olive.sees(direct(olive), /PAGE shop: checkout hangs/);
  expect(page.text).toContain("(by Dev Dara)");
  expect(page.text).not.toContain("<!channel>");
  expect(labelsOf(page)).toEqual(["Acknowledge"]);
  const card = await lena.sees("C0SHOPALERTS", /PAGE shop: checkout hangs/);

  await until("a reminder in the card's thread", async () =>
    (await olive.see("C0SHOPALERTS", card.ts)).some(({ text }) => text.includes("not acknowledged for")),
  );
  await olive.send("C0OPS", "/ops");
  await olive.sees("C0OPS", /PAGE shop: checkout hangs.*waits for you since/);
  const second = await lena.sees(direct(lena), /PAGE shop: checkout hangs/);

  await Promise.all([olive.press(page, "Acknowledge"), lena.press(second, "Acknowledge")]);
  const shown = await olive.sees("C0SHOPALERTS", /Acknowledged by (Olive Okafor|Lena Lind)/);
  expect(shown.ts).toBe(card.ts);
  const winner = JSON.stringify(shown.blocks).includes("Acknowledged by Olive Okafor") ? olive : lena;
  const loser = winner === olive ? lena : olive;
  await loser.sees(
    direct(loser),
    winner === olive ? /was acknowledged by Olive Okafor at/ : /was acknowledged by Lena Lind at/,
  );
  await olive.sees(direct(olive), /Acknowledged by/);
  expect(labelsOf(await olive.sees(direct(olive), /Acknowledged by/))).toEqual([]);

  await olive.send("C0OPS", "/ops why shop");
  await olive.sees("C0OPS", /Woken: Olive Okafor \(on call\), Lena Lind \(no answer before\)/);
});

it("pages one person by name", async () => {
  await olive.send("C0OPS", "/ops page @lena please look at the dashboard");
  const page = await lena.sees(direct(lena), /PAGE Lena Lind: please look at the dashboard/);
  await lena.press(page, "Acknowledge");
  await lena.sees(direct(lena), /PAGE Lena Lind.*Acknowledged by Lena Lind/);
});

it("shows what it would do and does nothing with --dry-run", async () => {
  const before = await dev.see("C0PAYALERTS");
  await dev.send("C0OPS", "/ops page payments is it on fire --dry-run");
  await dev.sees("C0OPS", /Would page .* for payments\. Nothing done\./);
  expect(await dev.see("C0PAYALERTS")).toEqual(before);
});

it("says who is on call, and takes an override by somebody of the team", async () => {
  await dev.send("C0OPS", "/ops oncall storefront");
  await dev.sees("C0OPS", /storefront\*: Olive Okafor until .* · after them Lena Lind/);
  await olive.send("C0OPS", "/ops oncall override storefront @lena 2h");
  await olive.sees("C0OPS", /Lena Lind on call for storefront from .* until/);
  await lena.sees(direct(lena), /You are on call for storefront from .* set by Olive Okafor/);
  await dev.send("C0OPS", "/ops oncall shop");
  await dev.sees(
    "C0OPS",
    /storefront\*: Lena Lind until .* \(set by Olive Okafor\) · after them Olive Okafor/,
  );
});

it("refuses an override by somebody outside the team, and names who could", async () => {
  await olive.send("C0GENERAL", "/ops oncall override payments @olive 2h");
  await olive.sees("C0GENERAL", /member or on call of payments.*Who could/);
});
