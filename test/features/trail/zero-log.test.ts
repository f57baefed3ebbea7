import { afterAll, beforeAll, expect, it } from "vitest";
import { type AccessRoom, dev, lena, startAccess } from "../access/rooms.ts";

let access: AccessRoom;
beforeAll(async () => {
  access = await startAccess();
});
afterAll(() => access.close());

it("the audit holds no name, no address, no reason of a request, and no secret that somebody wrote", async () => {
  const secret = "ghp_0123456789abcdefghijABCDEFGHIJ";
  const reason = "INC-42 orders of Frieda Fuchs are stuck";
  const first = await access.request(`orders-db readonly 15m ${reason}`);
  expect((await access.ask(lena, `access approve ${first}`)).ok).toBe(true);
  await access.ask(dev, `access return ${first}`);
  const second = await access.request(`orders-db readonly 15m ${reason}`);
  await access.ask(lena, `access deny ${second} Dev Dara can use the replica`);
  expect((await access.ask(dev, `access request orders-db readonly 15m INC-42 use ${secret}`)).ok).toBe(
    false,
  );
  await access.database.tx(async (tx) =>
    tx.audit({
      actor: lena,
      action: "freeze.started",
      subject: "F-1",
      reason: `the token is ${secret}`,
      detail: { link: `https://q.test/sign-in?token=${secret}` },
    }),
  );

  const bodies = (await access.db.selectFrom("audit").select(["subject", "body"]).execute()).map(
    ({ subject, body }) => `${subject} ${body}`,
  );
  expect(bodies.length).toBeGreaterThanOrEqual(6);
  const text = bodies.join("\n");
  expect(text).toContain("U0DEV");
  const people = access.catalog().people.flatMap(({ name, email }) => [name, ...(email ? [email] : [])]);
  for (const word of [...people, "Frieda Fuchs", "stuck", secret, "sign-in?token"])
    expect(text, word).not.toContain(word);
});
