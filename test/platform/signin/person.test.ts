import { beforeAll, describe, expect, it } from "vitest";
import { loadCatalog } from "../../../src/catalog/load.ts";
import type { Catalog } from "../../../src/catalog/schema.ts";
import { readSettings } from "../../../src/config/config.ts";
import { createAuthz } from "../../../src/platform/authz.ts";
import { type PersonMapping, personOfClaims } from "../../../src/platform/signin/person.ts";
import { providerSettings } from "../../../src/platform/signin/settings.ts";

let catalog: Catalog;
beforeAll(async () => {
  const loaded = await loadCatalog("config/sample", {});
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  catalog = loaded.catalog;
  catalog.people.push({ id: "max", name: "Dev Dara", slack: { T0LOCAL: "U0MAX" }, email: "max@example.com" });
  catalog.people.push({ id: "twin", name: "Twin", slack: { T0LOCAL: "U0TWIN" }, email: "both@example.com" });
  catalog.people.push({
    id: "twin2",
    name: "Twin",
    slack: { T0LOCAL: "U0TWIN2" },
    email: "both@example.com",
  });
  catalog.people.push({ id: "away", name: "Away", slack: { T0OTHER: "U0AWAY" }, email: "away@example.com" });
  const storefront = catalog.teams.find(({ name }) => name === "storefront");
  if (storefront) storefront.groups = { members: ["oncall"], leads: ["heads"] };
});

const by = (how: "slack" | "email"): PersonMapping => ({
  by: how,
  slackTeamClaim: "https://slack.com/team_id",
  slackUserClaim: "https://slack.com/user_id",
  groupsClaim: "groups",
});
const verified = (email: string) => ({ sub: "1", name: "Max", email, email_verified: true });

describe("who has signed in", () => {
  it.each([
    ["the address in other capitals", verified("MAX@Example.com"), "U0MAX"],
    [
      "an address the provider has not verified",
      { ...verified("max@example.com"), email_verified: false },
      "verified-email-only",
    ],
    [
      "one it says 'true' of in words",
      { ...verified("max@example.com"), email_verified: "true" },
      "verified-email-only",
    ],
    ["none, though the name is known", { sub: "max", name: "Dev Dara" }, "verified-email-only"],
    ["one with a Cyrillic a", verified("m\u0430x@example.com"), "known-people-only"],
    ["one with a Kelvin sign", verified("ma\u212A@example.com"), "known-people-only"],
    ["one that begins alike", verified("max@example.com.evil.example"), "known-people-only"],
    ["one that two people have", verified("both@example.com"), "known-people-only"],
    [
      "one of somebody without an account of our workspace",
      verified("away@example.com"),
      "known-people-only",
    ],
  ])("by e-mail: %s", (_what, claims, expected) => {
    const found = personOfClaims(catalog, claims, by("email"));
    expect(found.ok ? found.value.person : found.refusal.rule).toBe(expected);
  });

  it("by Slack ids, and never by an address or a name beside them", () => {
    const ids = { "https://slack.com/team_id": "T0LOCAL", "https://slack.com/user_id": "U0DEV" };
    expect(personOfClaims(catalog, { ...verified("max@example.com"), ...ids }, by("slack"))).toMatchObject({
      ok: true,
      value: { team: "T0LOCAL", person: "U0DEV" },
    });
    expect(personOfClaims(catalog, verified("max@example.com"), by("slack"))).toMatchObject({
      ok: false,
      refusal: { rule: "sign-in-names-person" },
    });
  });

  it("keeps the groups that a team declares, and no others", () => {
    const claims = {
      ...verified("max@example.com"),
      groups: ["oncall", "everybody", "oncall", 7, "storefront"],
    };
    expect(personOfClaims(catalog, claims, by("email"))).toMatchObject({ value: { groups: ["oncall"] } });
    for (const groups of ["oncall", { oncall: true }, undefined])
      expect(personOfClaims(catalog, { ...claims, groups }, by("email"))).toMatchObject({
        value: { groups: [] },
      });
  });
});

describe("rights by groups of the identity provider", () => {
  const shop = { service: "shop" };
  const as = (...groups: string[]) =>
    ({ team: "T0LOCAL", person: "U0MAX", door: "console", groups }) as const;
  const may = async (actor: ReturnType<typeof as>, role: "responder" | "lead", isFresh = false) =>
    (
      await createAuthz(
        () => catalog,
        async () => [],
      ).authorise(actor, role, shop, { isFresh })
    ).ok;

  it("a members' group makes no lead, and one that no team declares makes nobody", async () => {
    expect(await may(as(), "responder")).toBe(false);
    expect(await may(as("oncall"), "responder")).toBe(true);
    expect(await may(as("oncall"), "lead")).toBe(false);
    expect(await may(as("heads"), "lead")).toBe(true);
    expect(await may(as("storefront", "leads", "everybody"), "responder")).toBe(false);
  });

  it("do not count where membership is read afresh: a sign-in may be hours old", async () => {
    expect(await may(as("oncall"), "responder", true)).toBe(false);
    expect(await may(as("heads"), "lead", true)).toBe(false);
  });
});

describe("the identity provider's settings", () => {
  const whole = {
    OIDC_ISSUER: "https://id.example",
    OIDC_CLIENT_ID: "quarterdeck",
    OIDC_CLIENT_SECRET: "s3cret",
  };

  it("go by Slack ids for Slack's own, by verified e-mail for any other unless told", () => {
    const how = (more: object) => providerSettings(readSettings({ ...whole, ...more }))?.mapping.by;
    expect(how({ OIDC_ISSUER: "https://slack.com" })).toBe("slack");
    expect(how({})).toBe("email");
    expect(how({ OIDC_PERSON: "slack" })).toBe("slack");
    expect(providerSettings(readSettings({}))).toBeUndefined();
    expect(JSON.stringify(providerSettings(readSettings(whole)))).not.toContain("s3cret");
  });

  it.each([
    [{ ...whole, OIDC_CLIENT_SECRET: undefined }, /OIDC_CLIENT_SECRET: is missing/],
    [{ ...whole, OIDC_ISSUER: undefined }, /OIDC_ISSUER: is missing/],
    [{ ...whole, OIDC_ISSUER: "http://id.example" }, /OIDC_ISSUER: must be https/],
    [{ ...whole, OIDC_SCOPES: "email" }, /OIDC_SCOPES: must hold openid/],
    [{ ...whole, OIDC_PERSON: "name" }, /OIDC_PERSON/],
  ])("are refused by the name of the one to mend: %s", (env, words) => {
    expect(() => readSettings(env)).toThrow(words);
  });
});
