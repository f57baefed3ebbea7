import { createEmulator } from "emulate";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { AccessTerms } from "../../../src/catalog/schema.ts";
import { Secret } from "../../../src/platform/secret.ts";
import { type AwsAccessorOptions, createAwsAccessor } from "../../../src/providers/accessors/aws.ts";
import { denialFrom, denialName } from "../../../src/providers/accessors/aws-denial.ts";
import type { GrantIntent } from "../../../src/providers/accessors/contract.ts";
import { type AwsRecorder, startAwsRecorder } from "./aws-recorder.ts";
import { anybody, partOf } from "./granted.ts";

const keys = { id: "AKIATEST", secret: "very/secret+key" };
const role = "arn:aws:iam::111122223333:role/ops/orders-reader";
const terms: AccessTerms = { roleArn: role, sessionMax: "2h" };

let nowMs = 0;
const now = () => new Date(nowMs);
let aws: AwsRecorder;
beforeAll(async () => {
  aws = await startAwsRecorder(keys, now);
});
afterAll(() => aws.close());
beforeEach(() => {
  nowMs = Date.parse("2026-11-25T16:00:00Z");
  aws.asked.splice(0);
  aws.policies.clear();
});

const accessor = (over: Partial<AwsAccessorOptions> = {}) =>
  createAwsAccessor({
    who: "aws-prod",
    region: "eu-central-1",
    keys: { accessKeyId: new Secret(keys.id), secretAccessKey: new Secret(keys.secret) },
    stsEndpoint: aws.url,
    iamEndpoint: aws.url,
    roles: [role],
    denyOnRevoke: false,
    deadlineMs: 5_000,
    now,
    ...over,
  });
const inMinutes = (minutes: number) => new Date(nowMs + minutes * 60_000);
const intentOf = (minutes: number, more: AccessTerms = {}): GrantIntent => ({
  externalName: "qd_g12",
  grantee: anybody,
  terms: { ...terms, ...more },
  expiresAt: inMinutes(minutes),
});

describe("a session of AWS", () => {
  it("is asked for in one signed request, by the grant's name, for the person, with what limits it", async () => {
    const policy = {
      Version: "2012-10-17",
      Statement: [{ Effect: "Allow", Action: "s3:GetObject", Resource: "*" }],
    };
    const arn = "arn:aws:iam::aws:policy/ReadOnlyAccess";
    await accessor().grant(intentOf(30, { policy, policyArns: [arn], tags: { team: "storefront" } }), "G-12");
    expect(aws.asked).toEqual([
      {
        action: "AssumeRole",
        service: "sts",
        params: {
          RoleArn: role,
          RoleSessionName: "qd_g12",
          SourceIdentity: "dev",
          DurationSeconds: "1800",
          Policy: JSON.stringify(policy),
          "PolicyArns.member.1.arn": arn,
          "Tags.member.1.Key": "team",
          "Tags.member.1.Value": "storefront",
        },
      },
    ]);
  });

  it("hands out keys that nothing prints, and says how long they work on", async () => {
    const granted = await accessor().grant(intentOf(30), "G-12");
    expect(granted).toMatchObject({ expiresAt: inMinutes(30), lastsUntil: inMinutes(30), wasAdopted: false });
    expect(partOf(granted, "env")).toBe(
      `export AWS_ACCESS_KEY_ID=ASIA1\nexport AWS_SECRET_ACCESS_KEY=${"s".repeat(40)}\nexport AWS_SESSION_TOKEN=${"t".repeat(100)}\nexport AWS_REGION=eu-central-1`,
    );
    const printed = JSON.stringify(granted);
    expect(printed).not.toContain("sssss");
    expect(printed).not.toContain("ttttt");
  });

  it("reads back until it has expired, and not after", async () => {
    const intent = intentOf(30);
    const { externalId } = await accessor().grant(intent, "G-12");
    const ref = { ...intent, externalId };
    expect(await accessor().verify(ref)).toEqual({
      exists: true,
      canLogin: true,
      validUntil: inMinutes(30),
      memberships: [role],
      openSessions: null,
    });
    nowMs += 30 * 60_000;
    expect(await accessor().verify(ref)).toMatchObject({ exists: false });
    expect(await accessor().revoke(ref)).toMatchObject({ readBack: { exists: false }, lastsUntil: null });
  });

  it("of less than 15 minutes lasts 15, and says so", async () => {
    const granted = await accessor().grant(intentOf(5), "G-12");
    expect(aws.asked[0]?.params.DurationSeconds).toBe("900");
    expect(granted.lastsUntil).toEqual(inMinutes(15));
  });

  it.each([
    ["longer than the role's sessions", intentOf0(121), /2h1m are longer.*2h at most/],
    ["over already", intentOf0(-1), /has passed/],
    ["of a role that no resource has", intentOf0(30, { roleArn: `${role}x` }), /is a role of no resource/],
    ["named otherwise than a grant", { ...intentOf0(30), externalName: "admin" }, /is no name/],
    ["with terms of another kind", { ...intentOf0(30), terms: { grantRole: "app_ro" } }, /not ones of aws/],
  ])("%s is refused before AWS is asked", async (_what, { minutes, ...more }, message) => {
    await expect(
      accessor().grant({ ...intentOf(0), ...more, expiresAt: inMinutes(minutes) }, "G-12"),
    ).rejects.toMatchObject({ code: "rejected", message: expect.stringMatching(message) });
    expect(aws.asked).toEqual([]);
  });

  it.each([
    ["AccessDenied", 403, "unauthorised", /trust policy.*sts:SetSourceIdentity/],
    ["ValidationError", 400, "rejected", /MaxSessionDuration/],
    ["PackedPolicyTooLarge", 400, "rejected", /shorten them/],
    ["ExpiredToken", 403, "unauthorised", /renew/],
    ["Throttling", 400, "unreachable", /asked again/],
    ["InternalFailure", 500, "unreachable", /asked again/],
  ])("refused with %s says what to do", async (code, status, expected, hint) => {
    aws.refuseNext(code, "no", status);
    await expect(accessor().grant(intentOf(30), "G-12")).rejects.toMatchObject({
      name: "ProviderError",
      code: expected,
      hint: expect.stringMatching(hint),
    });
    expect(aws.asked).toHaveLength(1);
  });

  it("whose answer never came is asked for anew", async () => {
    aws.loseNext();
    await expect(accessor({ deadlineMs: 200 }).grant(intentOf(30), "G-12")).rejects.toMatchObject({
      code: "timeout",
    });
    expect((await accessor().grant(intentOf(30), "G-12")).externalId).toBe(
      `AROA1:qd_g12@${inMinutes(30).toISOString()}`,
    );
  });

  it("is refused where the secret key is another's", async () => {
    const wrong = { accessKeyId: new Secret(keys.id), secretAccessKey: new Secret("other") };
    await expect(accessor({ keys: wrong }).grant(intentOf(30), "G-12")).rejects.toMatchObject({
      code: "unauthorised",
      hint: "The secret access key is not the key's",
    });
  });
});

describe("an early end", () => {
  const taken = async (over: Partial<AwsAccessorOptions>) => {
    const intent = intentOf(30);
    const { externalId } = await accessor(over).grant(intent, "G-12");
    aws.asked.splice(0);
    return { ...intent, externalId };
  };

  it("without denials asks nothing of AWS and says until when the keys may work", async () => {
    const ref = await taken({});
    expect(await accessor().revoke(ref)).toMatchObject({
      readBack: { exists: false },
      lastsUntil: inMinutes(30),
    });
    expect(aws.asked).toEqual([]);
  });

  it("with denials puts one policy on the role, for that session alone, and reads it back", async () => {
    const ref = await taken({ denyOnRevoke: true });
    expect(await accessor({ denyOnRevoke: true }).revoke(ref)).toMatchObject({
      readBack: { exists: false },
      lastsUntil: null,
      seen: expect.stringContaining("denied everything until they expire at 2026-11-25T16:30:00.000Z"),
    });
    expect(aws.asked).toEqual([
      { action: "ListRolePolicies", service: "iam", params: { RoleName: "orders-reader", MaxItems: "1000" } },
      {
        action: "PutRolePolicy",
        service: "iam",
        params: {
          RoleName: "orders-reader",
          PolicyName: "qd_g12.20261125T163000Z",
          PolicyDocument: JSON.stringify({
            Version: "2012-10-17",
            Statement: [
              {
                Sid: "QuarterdeckEnded",
                Effect: "Deny",
                Action: "*",
                Resource: "*",
                Condition: {
                  StringLike: { "aws:userid": "*:qd_g12" },
                  DateLessThan: { "aws:TokenIssueTime": "2026-11-25T16:30:00.000Z" },
                },
              },
            ],
          }),
        },
      },
      { action: "ListRolePolicies", service: "iam", params: { RoleName: "orders-reader", MaxItems: "1000" } },
    ]);
    expect(await accessor({ denyOnRevoke: true }).verify(ref)).toMatchObject({ exists: false });
  });

  it("asked twice puts one policy, and takes it away five minutes after the keys have expired", async () => {
    const ref = await taken({ denyOnRevoke: true });
    const ending = accessor({ denyOnRevoke: true });
    await ending.revoke(ref);
    await ending.revoke(ref);
    expect(aws.asked.filter(({ action }) => action === "PutRolePolicy")).toHaveLength(1);
    expect(await ending.list()).toEqual([]);
    nowMs += 30 * 60_000;
    expect(await ending.list()).toEqual([]);
    nowMs += 5 * 60_000;
    const [spent, ...rest] = await ending.list();
    expect(rest).toEqual([]);
    expect(spent?.words).toContain("its session has expired");
    if (spent)
      expect((await ending.revoke(spent.ref)).cleaned).toEqual([
        "policy qd_g12.20261125T163000Z of orders-reader",
      ]);
    expect(aws.policies.get("orders-reader")?.size).toBe(0);
    expect(await ending.list()).toEqual([]);
  });

  it("after the keys have expired asks nothing of AWS", async () => {
    const ref = await taken({ denyOnRevoke: true });
    nowMs += 30 * 60_000;
    expect(await accessor({ denyOnRevoke: true }).revoke(ref)).toMatchObject({
      readBack: { exists: false },
      lastsUntil: null,
    });
    expect(aws.asked).toEqual([]);
  });

  it("by a denial is promised in our own account only: a role of another is refused", async () => {
    const roleArn = "arn:aws:iam::999988887777:role/orders-reader";
    const elsewhere = accessor({ denyOnRevoke: true, roles: [roleArn] });
    for (const call of [
      () => elsewhere.grant(intentOf(30, { roleArn }), "G-12"),
      () => elsewhere.plan(intentOf(30, { roleArn })),
    ])
      await expect(call()).rejects.toMatchObject({
        code: "rejected",
        message: expect.stringContaining("account 999988887777, and Quarterdeck works in 111122223333"),
        hint: expect.stringContaining("denyOnRevoke"),
      });
    expect(aws.asked.map(({ action }) => action)).toEqual(["GetCallerIdentity", "GetCallerIdentity"]);
  });

  it("of a grant whose answer never came denies its name for as long as keys could live", async () => {
    await accessor({ denyOnRevoke: true }).revoke(intentOf(30));
    expect([...(aws.policies.get("orders-reader")?.keys() ?? [])]).toEqual(["qd_g12.20261125T180000Z"]);
  });

  it("is no end while the policy cannot be read back", async () => {
    const ref = await taken({ denyOnRevoke: true });
    aws.refuseNext("ServiceFailure", "no", 500);
    await expect(accessor({ denyOnRevoke: true }).revoke(ref)).rejects.toMatchObject({ code: "unreachable" });
    expect(await accessor({ denyOnRevoke: true }).verify(ref)).toMatchObject({ exists: true });
  });

  it("leaves policies of the role alone that are not ours", async () => {
    aws.policies.set(
      "orders-reader",
      new Map([
        ["read-orders", "{}"],
        ["qd_old.then", "{}"],
      ]),
    );
    const ref = await taken({ denyOnRevoke: true });
    nowMs += 3 * 3_600_000;
    await accessor({ denyOnRevoke: true }).revoke(ref);
    expect(await accessor({ denyOnRevoke: true }).list()).toEqual([]);
    expect(aws.policies.get("orders-reader")?.size).toBe(2);
  });
});

it("says in a dry run what would be asked and what ends it by hand, and assumes nothing", async () => {
  const plan = await accessor({ denyOnRevoke: true }).plan(intentOf(30, { policy: { a: "it's" } }));
  expect(plan.words[0]).toBe(
    `As arn:aws:iam::111122223333:user/quarterdeck: assume ${role} as qd_g12 for 30m, keys shown once`,
  );
  expect(plan.statements).toEqual([
    `aws sts assume-role --role-arn ${role} --role-session-name qd_g12 --source-identity dev --duration-seconds 1800 --policy '{"a":"it'\\''s"}'`,
  ]);
  expect(plan.endStatements[0]).toContain(
    "aws iam put-role-policy --role-name orders-reader --policy-name qd_g12.",
  );
  expect(aws.asked.map(({ action }) => action)).toEqual(["GetCallerIdentity"]);
});

it("names a denial by whose it is and until when, and reads no other name as one", () => {
  const until = new Date("2026-11-25T16:30:00.500Z");
  expect(denialFrom(denialName({ externalName: "qd_g12", until }))).toEqual({
    externalName: "qd_g12",
    until: new Date("2026-11-25T16:30:01Z"),
  });
  for (const name of ["qd_g12", "qd_.20261125T163000Z", "x_g1.20261125T163000Z", "qd_g1.20261399T163000Z"])
    expect(denialFrom(name), name).toBeUndefined();
});

it("takes the role that the AWS emulation has, and refuses one it has not", async () => {
  const emulator = await createEmulator({
    service: "aws",
    port: 0,
    seed: { aws: { iam: { roles: [{ role_name: "orders-reader" }] } } },
  });
  try {
    const url = emulator.url.replace("localhost", "127.0.0.1");
    const emulated = "arn:aws:iam::123456789012:role/orders-reader";
    const granting = accessor({
      stsEndpoint: `${url}/sts/`,
      roles: [emulated, `${emulated}2`],
      now: () => new Date(),
    });
    const intent = { ...intentOf(0, { roleArn: emulated }), expiresAt: new Date(Date.now() + 3_500_000) };
    const granted = await granting.grant(intent, "G-12");
    expect(partOf(granted, "session-token").length).toBeGreaterThan(60);
    expect(await granting.verify({ ...intent, externalId: granted.externalId })).toMatchObject({
      exists: true,
      validUntil: granted.expiresAt,
    });
    expect(await granting.list()).toEqual([]);
    await expect(
      granting.grant({ ...intent, terms: { ...terms, roleArn: `${emulated}2` } }, "G-12"),
    ).rejects.toMatchObject({ code: "not_found" });
  } finally {
    await emulator.close();
  }
});

/** An intent's parts that a table can name before the clock is set. */
function intentOf0(minutes: number, more: AccessTerms = {}) {
  return { minutes, externalName: "qd_g12", terms: { ...terms, ...more } };
}
