import { describe, expect, it } from "vitest";
import { base, problems, team } from "./files.ts";

const policy = "policy: { requesters: [storefront], approvers: [storefront], durationMax: 1h }";
/** A catalog with one accessor and one resource on it, of roles with these terms. */
const withRoles = (instance: string, ...terms: string[]) =>
  problems(
    base,
    team,
    `providers:
  accessors:
    - { name: outside, ${instance} }
resources:
  - name: thing
    accessor: outside
    roles:
${terms.map((each, index) => `      - { name: role-${index}, grants: it, terms: ${each}, ${policy} }`).join("\n")}
`,
  );

const roleArn = "arn:aws:iam::111122223333:role/reader";
const aws = "kind: aws, region: eu-central-1";

describe("AWS", () => {
  it("takes a role with what limits its sessions", () => {
    expect(
      withRoles(
        `${aws}, accessKeyIdEnv: AWS_ID, secretAccessKeyEnv: AWS_SECRET, denyOnRevoke: true`,
        `{ roleArn: "${roleArn}", sessionMax: 12h, policy: { Version: "2012-10-17", Statement: [] }, policyArns: ["arn:aws:iam::aws:policy/ReadOnlyAccess"], tags: { team: storefront } }`,
      ),
    ).toEqual([]);
  });

  it.each([
    ["no role's ARN", aws, '{ roleArn: "reader" }', "terms.roleArn: must be the ARN of a role"],
    ["sessions longer than AWS has", aws, `{ roleArn: "${roleArn}", sessionMax: 13h }`, "must be 15m to 12h"],
    [
      "a policy longer than AWS takes",
      aws,
      `{ roleArn: "${roleArn}", policy: { Statement: "${"x".repeat(2_040)}" } }`,
      "terms.policy: is longer than 2048 characters",
    ],
    [
      "more managed policies than AWS takes",
      aws,
      `{ roleArn: "${roleArn}", policyArns: [${'"arn:aws:iam::aws:policy/A",'.repeat(11)}] }`,
      "names more than 10 policies",
    ],
    [
      "more tags than AWS takes",
      aws,
      `{ roleArn: "${roleArn}", tags: { ${Array.from({ length: 51 }, (_, n) => `t${n}: x`).join(", ")} } }`,
      "holds more than 50 tags",
    ],
    [
      "grants longer than its sessions",
      aws,
      `{ roleArn: "${roleArn}", sessionMax: 30m }`,
      "policy.durationMax: is longer than a session that outside gives, 30m by sessionMax",
    ],
    ["half of a key", `${aws}, accessKeyIdEnv: AWS_ID`, `{ roleArn: "${roleArn}" }`, "name both or neither"],
  ])("is refused with %s", (_what, instance, terms, problem) => {
    expect(withRoles(instance, terms)).toContainEqual(expect.stringContaining(problem));
  });
});

describe("GitHub teams", () => {
  const github = "kind: github, org: acme, tokenEnv: GH_TOKEN";
  it("are taken by their slug, people as members unless it says otherwise", () => {
    expect(withRoles(github, "{ team: platform }", "{ team: release, role: maintainer }")).toEqual([]);
  });
  it("are refused by another name, and with two roles for one team", () => {
    expect(withRoles(github, '{ team: "Platform Team" }')).toContainEqual(
      expect.stringContaining("terms.team: must be a team's slug"),
    );
    expect(withRoles(github, "{ team: platform }", "{ team: platform, role: maintainer }")).toContainEqual(
      expect.stringContaining("role-1 of thing is the other role of the same team"),
    );
  });
});

it("takes a Slack user group by its workspace's id, and no other text", () => {
  expect(withRoles("kind: slack", "{ usergroup: { T0A: S0LEADS } }")).toEqual([]);
  expect(withRoles("kind: slack", "{ usergroup: { T0A: leads } }")).toContainEqual(
    expect.stringContaining("must be a Slack id such as S0LEADS"),
  );
  expect(withRoles("kind: slack", "{ usergroup: {} }")).toContainEqual(
    expect.stringContaining("names no user group"),
  );
});

it("takes a webhook by https or on this machine, since its answers hold secrets", () => {
  const webhook = (url: string) => `kind: webhook, url: "${url}", secretEnv: VPN_SECRET`;
  for (const url of ["https://vpn.example.com/access", "http://127.0.0.1:8080/access"])
    expect(withRoles(webhook(url), "{ role: vpn }")).toEqual([]);
  expect(withRoles(webhook("http://vpn.example.com/access"), "{ role: vpn }")).toContainEqual(
    expect.stringContaining("must begin with https://"),
  );
  expect(withRoles(webhook("https://vpn.example.com"), "{}")).toContainEqual(
    expect.stringContaining("says nothing of what is to be given"),
  );
});
