import { describe, expect, it } from "vitest";
import { accessorInstanceSchema, accessTermsSchemas } from "../../src/catalog/accessors.ts";

const isTaken = (schema: { safeParse(value: unknown): { success: boolean } }, value: unknown) =>
  schema.safeParse(value).success;

describe("terms of a certificate", () => {
  const terms = { principals: ["shop-operators"] };
  it.each([
    [{ ...terms }, true],
    [{ ...terms, sourceAddresses: ["203.0.113.0/24", "2001:db8::/32", "10.0.0.7"], permit: [] }, true],
    [{ ...terms, sourceAddresses: ["203.0.113.0/33"] }, false],
    [{ ...terms, sourceAddresses: ["*"] }, false],
    [{ ...terms, permit: ["pty", "port-forwarding"], forceCommand: "/usr/bin/uptime -p" }, true],
    [{ ...terms, permit: ["agent"] }, false],
    [{ ...terms, forceCommand: "" }, false],
    [{ ...terms, forceCommand: "true\nfalse" }, false],
    [{ ...terms, login: "-oProxyCommand=x" }, false],
    [{ principals: ["a,b"] }, false],
    [{ principals: ["а"] }, false],
    [{ principals: [] }, false],
  ])("%j: %s", (value, wanted) => {
    expect(isTaken(accessTermsSchemas.ssh, value)).toBe(wanted);
  });

  it("are given a terminal, and nothing else, unless they say otherwise", () => {
    expect(accessTermsSchemas.ssh.parse(terms).permit).toEqual(["pty"]);
  });
});

describe("an instance of certificates", () => {
  const instance = {
    name: "bastion",
    kind: "ssh",
    caKeyEnv: "CA",
    hosts: ["a.example"],
    directory: "/var/lib/qd",
  };
  it.each([
    [{}, true],
    [{ hosts: ["a.example:2222", "[2001:db8::7]:22", "10.0.0.7"] }, true],
    [{ hosts: ["-oProxyCommand=x"] }, false],
    [{ hosts: ["a b"] }, false],
    [{ directory: "var/lib" }, false],
    [{ caKeyFileEnv: "CA_FILE" }, false],
    [{ caKeyEnv: undefined, caKeyFileEnv: "CA_FILE" }, true],
    [{ caKeyEnv: undefined }, false],
  ])("with %j: %s", (change, wanted) => {
    expect(isTaken(accessorInstanceSchema, { ...instance, ...change })).toBe(wanted);
  });
});
