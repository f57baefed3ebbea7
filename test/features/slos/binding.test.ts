import { describe, expect, it } from "vitest";
import { rulesOf, sloOfAlert } from "../../../src/features/slos/index.ts";
import { base, catalogOf, team } from "../../catalog/files.ts";

const slo = (name: string, service: string) =>
  `  - { name: ${name}, service: ${service}, objective: 99.9, window: { rolling: 28d }, provider: prom,
      indicator: { kind: ratio, total: { metric: t }, bad: { metric: b } } }`;
const catalog = catalogOf(
  base,
  `${team}  - { name: cart, team: storefront, dri: olive, metrics: direct }
slos:
${[slo("availability", "shop"), slo("shop-latency", "shop"), slo("cart-availability", "cart")].join("\n")}
`,
);
const nameOf = (labels: Record<string, string>) => sloOfAlert(catalog, labels)?.name;

describe("the SLO an alert is about", () => {
  it("is named by every alert of our own rules", () => {
    const rules = rulesOf(catalog).groups.flatMap(({ rules: all }) => all.filter((rule) => "alert" in rule));
    expect(rules.length).toBe(6);
    expect(rules.map(({ labels }) => [sloOfAlert(catalog, labels)?.service, nameOf(labels)])).toEqual(
      rules.map(({ labels }) => [labels.service, labels.quarterdeck_slo]),
    );
  });

  it.each([
    ["Sloth's service and name", { sloth_service: "shop", sloth_slo: "availability" }, "availability"],
    [
      "Sloth's id, service and name joined",
      { sloth_id: "shop-availability", sloth_severity: "page" },
      "availability",
    ],
    ["Sloth's id that is our name", { sloth_id: "cart-availability" }, "cart-availability"],
    [
      "Sloth's service and name that joined are our name",
      { sloth_service: "shop", sloth_slo: "latency" },
      "shop-latency",
    ],
    [
      "Pyrra's name beside its windows",
      { slo: "shop-latency", exhaustion: "2d", long: "1h", short: "5m" },
      "shop-latency",
    ],
    [
      "Pyrra's name beside two windows alone",
      { slo: "shop-latency", long: "1h", short: "5m" },
      "shop-latency",
    ],
  ])("is found by %s", (_what, labels, name) => expect(nameOf(labels)).toBe(name));

  it.each([
    ["no such label", { alertname: "HighErrorRate", service: "shop" }],
    ["a label slo that is not Pyrra's", { slo: "availability" }],
    ["one of Pyrra's windows", { slo: "availability", long: "1h" }],
    ["an SLO that is not declared", { quarterdeck_slo: "gone", sloth_id: "shop-availability" }],
    ["Sloth's service without a name", { sloth_service: "shop" }],
    ["another service's SLO", { sloth_service: "cart", sloth_slo: "latency" }],
    ["a label named as a method", { constructor: "x" } as Record<string, string>],
  ])("is undefined with %s", (_what, labels) => expect(nameOf(labels)).toBeUndefined());
});
