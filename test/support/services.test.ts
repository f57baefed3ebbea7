import { afterEach, describe, expect, it, vi } from "vitest";
import { requireService, type ServiceName } from "./services.ts";

const nowhere = () => false;

afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

const missing = "no-such-service" as ServiceName;

describe("requireService", () => {
  it("says loudly which service is missing and how to install it, and lets the run go on", () => {
    vi.stubEnv("CI", "");
    const said = vi.spyOn(console, "warn").mockImplementation(() => undefined);
    expect(requireService("prometheus", nowhere)).toBeUndefined();
    expect(said.mock.calls[0]?.[0]).toMatch(
      /NOT TESTED: prometheus is not installed \(apt-get install prometheus\)/,
    );
  });

  it("fails the run in CI when a service is missing", () => {
    vi.stubEnv("CI", "true");
    vi.spyOn(console, "warn").mockImplementation(() => undefined);
    expect(() => requireService("prometheus", nowhere)).toThrow(/with CI=true no test may be left out/);
  });

  it("knows only the services it can find", () => {
    expect(() => requireService(missing)).toThrow(TypeError);
  });
});
