import { format, inspect } from "node:util";
import pino from "pino";
import { describe, expect, it } from "vitest";
import { Secret } from "../../src/platform/secret.ts";

describe("Secret", () => {
  const secret = new Secret("hunter2");

  it("gives its value to whoever asks for it by name", () => {
    expect(secret.reveal()).toBe("hunter2");
    expect(new Secret({ user: "a" }).reveal()).toEqual({ user: "a" });
  });

  it("prints as [redacted] in text, templates, concatenation and JSON", () => {
    expect(String(secret)).toBe("[redacted]");
    expect(`${secret}`).toBe("[redacted]");
    expect(`login: ${["a", secret].join(" ")}`).toBe("login: a [redacted]");
    expect(JSON.stringify({ secret, list: [secret] })).toBe('{"secret":"[redacted]","list":["[redacted]"]}');
  });

  it("prints as [redacted] in the inspector and in console formats, at any depth", () => {
    expect(inspect(secret)).toBe("[redacted]");
    expect(inspect({ a: { b: secret } }, { showHidden: true, depth: 9 })).not.toContain("hunter2");
    expect(format("%s %o %O %j", secret, secret, secret, secret)).not.toContain("hunter2");
  });

  it("does not give its value to a spread, to entries or to a clone", () => {
    expect(JSON.stringify({ ...secret })).toBe("{}");
    expect(Object.getOwnPropertyNames(secret)).toEqual([]);
    expect(inspect(structuredClone({ ...secret }))).not.toContain("hunter2");
  });

  it("stays out of the log, as a field and inside an error", () => {
    const lines: string[] = [];
    const log = pino({}, { write: (line: string) => void lines.push(line) });
    log.info({ secret, nested: { secret } }, "login made");
    log.error(new Error(`could not use ${secret}`));
    expect(lines).toHaveLength(2);
    expect(lines.join("")).not.toContain("hunter2");
    expect(lines[0]).toContain('"secret":"[redacted]"');
  });
});
