import { afterEach, expect, it } from "vitest";
import { until } from "../support/until.ts";
import { type Installation, lena, olive, startInstallation } from "./installation.ts";
import { startTraffic } from "./traffic.ts";

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

/** More people, things and services than the sample has. */
const requesters = 20;
const resources = 10;
const services = 50;

const more = (yaml: string, file: string): string => {
  if (file === "organisation.yaml") {
    const people = numbers(requesters).map(
      (n) => `  - { id: asker-${n}, name: Asker ${n}, slack: { T0LOCAL: U0ASKER${n} } }\n`,
    );
    return yaml.replace(/^people:\n/m, `people:\n${people.join("")}`);
  }
  if (file !== "storefront.yaml") return yaml;
  const members = numbers(requesters).map((n) => `asker-${n}`);
  const [, shop = ""] = /^services:\n([\s\S]*?)^slos:/m.exec(yaml) ?? [];
  const traffic = /^ {4}traffic:\n(?: {6}.*\n)*/m.exec(shop)?.[0] ?? "";
  const twins = numbers(services).map(
    (n) => `  - name: twin-${n}
    description: A service like the shop
    team: storefront
    dri: olive
    environments: [production]
${traffic}    rollout:
      steps:
        - { weightPercent: 50, minDuration: 1h, minSamples: 30 }
        - { weightPercent: 100, minDuration: 1h, minSamples: 30 }
      interval: 10m
      deadline: 5h
      watch: 10m
`,
  );
  const [, first = ""] = /^resources:\n([\s\S]*)$/m.exec(yaml) ?? [];
  const things = numbers(resources).map((n) => first.replace("- name: orders-db", `- name: thing-${n}`));
  return yaml
    .replace("members: [olive, dev]", `members: [olive, dev, ${members.join(", ")}]`)
    .replace("leads: [lena]", "leads: [lena, olive]")
    .replace(/^services:\n/m, `services:\n${twins.join("")}`)
    .replace(/^resources:\n/m, `resources:\n${things.join("")}`);
};

async function installed(env: Record<string, string> = {}): Promise<Installation> {
  const installation = await startInstallation({ catalog: more, env });
  closing.push(() => installation.close());
  await Promise.all(["web", "web", "worker", "worker"].map((role) => installation.start(role as "web")));
  return installation;
}

/** The first word each person read, however many they sent. */
async function bothAnswers(
  installation: Installation,
  left: { person: string; line: string },
  right: { person: string; line: string },
): Promise<[string, string]> {
  const { slack, webs } = installation;
  const sent = await Promise.all([
    slack.press(left.person, left.line, { door: webs[0]?.url as string }),
    slack.press(right.person, right.line, { door: webs[1]?.url as string }),
  ]);
  expect(sent.map(({ status }) => status)).toEqual([200, 200]);
  return (await Promise.all(
    sent.map((one) => until("an answer", () => slack.answers(one)[0] ?? "silent", 60_000)),
  )) as [string, string];
}

it("200 pairs of approve and deny at once, each through another web: one decision each, the other told by whom", async () => {
  const installation = await installed();
  const { slack, sql, count } = installation;
  const asked = await Promise.all(
    numbers(requesters).flatMap((person) =>
      numbers(resources).map((thing) =>
        slack.command(`U0ASKER${person}`, `access request thing-${thing} readonly 15m INC-1 pair`),
      ),
    ),
  );
  await until(
    "all requests",
    async () => (await count("select count(*) from access_grants where state = 'requested'")) === 200,
    60_000,
  );
  expect(asked).toHaveLength(200);
  const ids = (await sql<{ id: string }>("select id from access_grants")).map(({ id }) => id);
  const presses = await Promise.all(
    ids.flatMap((id) => [
      slack.press(lena, `access approve ${id}`, { door: installation.webs[0]?.url as string }),
      slack.press(olive, `access deny ${id} use the replica`, { door: installation.webs[1]?.url as string }),
    ]),
  );
  await until(
    "all presses to be done",
    async () => (await count("select count(*) from inbox where done_at is null")) === 0,
    60_000,
  );
  const states = new Map(
    (await sql<{ id: string; state: string }>("select id, state from access_grants")).map((row) => [
      row.id,
      row.state,
    ]),
  );
  const decisions = await count(
    "select count(*) from audit where action in ('access.approved', 'access.denied')",
  );
  expect(decisions).toBe(200);
  const told = await sql<{ person: string; line: string; ok: boolean; text: string }>(
    "select person, payload->>'line' as line, (answer->>'ok')::boolean as ok, answer->>'text' as text from inbox where kind = 'action'",
  );
  expect(told).toHaveLength(presses.length);
  for (const { person, line, ok, text } of told) {
    const id = /G-\d+/.exec(line)?.[0] as string;
    const won = states.get(id) === (person === lena ? "approved" : "denied");
    expect(ok, `${id} ${states.get(id)} ${line}: ${text}`).toBe(won);
    if (!won) expect(text).toContain(person === lena ? "Olive Okafor denied it" : "Lena Lind approved it");
  }
}, 180_000);

it("50 pairs of pause and revert at once, each through another web: one outcome each, the other told by whom", async () => {
  const traffic = await startTraffic(0);
  closing.push(() => traffic.close());
  const installation = await installed(traffic.env);
  const { slack, sql, count } = installation;
  await Promise.all(numbers(services).map((n) => slack.command(olive, `rollout start twin-${n} v42`)));
  await until(
    "all rollouts at their first step",
    async () => (await count("select count(*) from rollouts where state = 'step'")) === services,
    90_000,
  );
  const rows = await sql<{ id: string; seq: number }>("select id, seq from rollouts");
  await Promise.all(
    rows.map(({ id, seq }) =>
      bothAnswers(
        installation,
        { person: lena, line: `rollout pause ${id} --seen ${seq}` },
        { person: olive, line: `rollout revert ${id}` },
      ),
    ),
  );
  await until(
    "all to be back",
    async () => (await count("select count(*) from rollouts where state = 'reverted'")) === services,
    90_000,
  );
  expect(await count("select count(*) from audit where action = 'rollout.reverting'")).toBe(services);
  expect(await count("select count(*) from audit where action = 'rollout.reverted'")).toBe(services);
  const undone = await sql<{ key: string }>("select key from messages where key like 'rollout:%:undone:%'");
  const refused = await sql<{ text: string }>(
    "select answer->>'text' as text from inbox where kind = 'action' and not (answer->>'ok')::boolean",
  );
  // Whoever paused reads that it was taken back after all, in one way or the other.
  expect(undone.length + refused.length).toBe(services);
  for (const { text } of refused) expect(text).toMatch(/Changed since you looked: .*olive.* reverted it at/i);
  for (const n of [0, services - 1]) {
    const answer = await fetch(`${traffic.router.adminUrl}/routes/twin-${n}`, {
      headers: { authorization: `Bearer ${installation.env.ROUTER_TOKEN}` },
    });
    const { backends } = (await answer.json()) as { backends: { version: string; weight: number }[] };
    expect(backends.filter(({ weight }) => weight > 0)).toMatchObject([{ version: "v41", weight: 100 }]);
  }
}, 240_000);
