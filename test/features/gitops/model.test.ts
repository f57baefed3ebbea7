import { describe, expect, it } from "vitest";
import { expectation, isSameOwner, proposeAt, stopCommands } from "../../../src/features/gitops/model.ts";
import type { ManagedBy } from "../../../src/providers/traffic/contract.ts";

const release: ManagedBy = { system: "flux", kind: "helm-release", name: "shop", namespace: "prod" };
const kustomization: ManagedBy = { ...release, kind: "kustomization" };
/** As stored before the kind was kept. */
const stored: ManagedBy = { system: "flux", name: "shop", namespace: "prod" };

describe("what Flux applies", () => {
  it("is stopped by hand by the command of its kind", () => {
    expect(stopCommands(release)).toEqual(["flux suspend helmrelease 'shop' -n 'prod'"]);
    expect(stopCommands(kustomization)).toEqual(["flux suspend kustomization 'shop' -n 'prod'"]);
    expect(stopCommands(stored, "Flux HelmRelease")).toEqual(["flux suspend helmrelease 'shop' -n 'prod'"]);
    expect(stopCommands(stored)).toEqual([
      "flux suspend kustomization 'shop' -n 'prod'",
      "flux suspend helmrelease 'shop' -n 'prod'",
    ]);
  });

  it("is named with its kind", () => {
    expect(expectation("shop", release, "none", "1h")).toContain("managed by Flux HelmRelease shop in prod");
    expect(expectation("shop", stored, "none", "1h")).toContain("managed by Flux shop in prod");
  });

  it("is another object where the kind is another, and the same where it was not kept", () => {
    expect(isSameOwner(release, kustomization)).toBe(false);
    expect(isSameOwner(release, stored)).toBe(true);
    expect(isSameOwner(release, { ...stored, name: "web" })).toBe(false);
    expect(isSameOwner(release, { ...stored, namespace: null })).toBe(false);
  });
});

it("asks Git again ever more seldom, five minutes apart at most, and not before Git wants it", () => {
  const now = new Date("2026-11-25T12:00:00Z");
  const after = (attempts: number, notBeforeMs?: number): number =>
    (proposeAt(now, attempts, notBeforeMs).getTime() - now.getTime()) / 1_000;
  expect([1, 2, 3, 8, 9, 1_000].map((attempts) => after(attempts))).toEqual([2, 4, 8, 256, 300, 300]);
  expect([after(1, 60_000), after(9, 60_000)]).toEqual([60, 300]);
});
