import type { IncomingMessage } from "node:http";
import { describe, expect, it } from "vitest";
import { readSettings } from "../../../src/config/config.ts";
import { createLimits } from "../../../src/platform/http/limits.ts";
import { SetClock } from "../../support/database.ts";

const made = (proxies: readonly string[] = []) => {
  const clock = new SetClock();
  return { clock, limits: createLimits({ perPerson: 300, proxies, now: () => clock.now() }) };
};

describe("how much one sender is answered", () => {
  it("cuts 1,000 requests in a minute by one person, and nobody else's", () => {
    const { clock, limits } = made();
    let answered = 0;
    for (let sent = 0; sent < 1_000; sent += 1) {
      if (limits.take("person", "T0LOCAL/U0DEV") === undefined) answered += 1;
      clock.advance(60);
    }
    // Those of a rest, and those of the minute.
    expect(answered).toBe(599);
    expect(limits.take("person", "T0LOCAL/U0LEAD")).toBeUndefined();
  });

  it("says in how many seconds there is one again, and there is", () => {
    const { clock, limits } = made();
    for (let sent = 0; sent < 30; sent += 1) expect(limits.take("failure", "10.0.0.1")).toBeUndefined();
    expect(limits.look("failure", "10.0.0.1")).toBe(6);
    expect(limits.take("failure", "10.0.0.1")).toBe(6);
    clock.advance(5_999);
    expect(limits.look("failure", "10.0.0.1")).toBe(1);
    clock.advance(1);
    expect(limits.take("failure", "10.0.0.1")).toBeUndefined();
  });

  it("gives nothing back when the clock goes back", () => {
    const { clock, limits } = made();
    for (let sent = 0; sent < 300; sent += 1) limits.take("person", "p");
    clock.advance(-3_600_000);
    expect(limits.take("person", "p")).toBe(1);
    clock.advance(3_600_000);
    expect(limits.take("person", "p")).toBe(1);
  });

  it("remembers no more senders than it may, the busy ones longest", () => {
    const { limits } = made();
    for (let sent = 0; sent < 300; sent += 1) limits.take("person", "busy");
    for (let stranger = 0; stranger < 50_000; stranger += 1) {
      limits.take("stranger", String(stranger));
      if (stranger % 1_000 === 0) limits.take("person", "busy");
    }
    expect(limits.take("person", "busy")).toBe(1);
  });
});

describe("the address of a request", () => {
  const from = (remoteAddress: string, forwarded?: string) =>
    ({ socket: { remoteAddress }, headers: { "x-forwarded-for": forwarded } }) as unknown as IncomingMessage;

  it.each([
    ["the socket's, whatever the header says", [], "203.0.113.9", "10.1.1.1", "203.0.113.9"],
    ["what a declared proxy says", ["10.0.0.0/8"], "10.0.0.7", "203.0.113.9", "203.0.113.9"],
    [
      "the last that no proxy vouches for",
      ["10.0.0.0/8"],
      "10.0.0.7",
      "1.2.3.4, 203.0.113.9, 10.0.0.3",
      "203.0.113.9",
    ],
    ["the proxy's own where it says nothing", ["10.0.0.0/8"], "10.0.0.7", undefined, "10.0.0.7"],
    [
      "the proxy's own where it says nonsense",
      ["10.0.0.0/8"],
      "10.0.0.7",
      "203.0.113.9, unknown",
      "10.0.0.7",
    ],
    ["the same for IPv4 in IPv6", ["10.0.0.7"], "::ffff:10.0.0.7", "::ffff:203.0.113.9", "203.0.113.9"],
    ["by IPv6 networks", ["fd00::/8"], "fd00::1", "2001:db8::9", "2001:db8::9"],
  ])("is %s", (_what, proxies, remote, forwarded, expected) => {
    expect(made(proxies).limits.addressOf(from(remote, forwarded))).toBe(expected);
  });

  it.each(["10.0.0.0/33", "10.0.0", "proxy.example", "10.0.0.0/8/8", "fd00::/129", "10.0.0.0/"])(
    "%s is refused as a proxy by its name",
    (entry) => {
      expect(() => readSettings({ TRUSTED_PROXIES: `10.0.0.7, ${entry}` })).toThrow(
        `TRUSTED_PROXIES: "${entry}" is no address`,
      );
    },
  );
});
