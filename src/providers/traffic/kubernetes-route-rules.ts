/** The rules of an HTTPRoute that carry a service's traffic, and whether the gateway has taken them. Pure. */
import { ProviderError } from "../errors.ts";
import { type JsonPatch, pointer } from "../kubernetes/api.ts";
import { conditionOf, type HttpRoute } from "../kubernetes/objects.ts";
import type { KubernetesConfig } from "./kubernetes-config.ts";
import { inProgress } from "./kubernetes-kind.ts";

/** By Service. */
export type Weights = Readonly<Record<string, number>>;

export interface AppRule {
  /** Place in `spec.rules`. */
  readonly index: number;
  readonly weights: Weights;
  /** Place of each Service in the rule's `backendRefs`. */
  readonly refs: Readonly<Record<string, number>>;
}

/**
 * Every rule that names one of the Services. Throws ProviderError `rejected` where none does, and where `divisible` is
 * asked for and one cannot be divided like the others; what somebody made of the route may always be read and put back.
 */
export function rulesOf(
  { name, namespace, backends }: KubernetesConfig,
  route: HttpRoute,
  how: "divisible" | "as they are",
): AppRule[] {
  const services = backends.map(({ service }) => service);
  const refuse = (message: string): never => {
    throw new ProviderError(
      "rejected",
      message,
      `Let each rule of ${name} that carries the service name all of ${services.join(", ")}, and nothing else.`,
    );
  };
  const rules = route.spec.rules.flatMap(({ backendRefs }, index): AppRule[] => {
    const refs: Record<string, number> = {};
    const weights: Record<string, number> = {};
    const others: string[] = [];
    backendRefs.forEach((ref, place) => {
      const isOurs =
        ref.kind === "Service" &&
        ref.group === "" &&
        (ref.namespace ?? namespace) === namespace &&
        services.includes(ref.name);
      if (!isOurs) others.push(ref.name);
      else if (refs[ref.name] !== undefined) refuse(`rule ${index} of ${name} names ${ref.name} twice`);
      else {
        refs[ref.name] = place;
        weights[ref.name] = ref.weight;
      }
    });
    const found = Object.keys(refs);
    if (found.length === 0) return [];
    if (how === "as they are") return [{ index, weights, refs }];
    const missing = services.filter((service) => refs[service] === undefined);
    if (missing.length > 0) refuse(`rule ${index} of ${name} does not name ${missing.join(", ")}`);
    if (others.length > 0) refuse(`rule ${index} of ${name} also sends traffic to ${others.join(", ")}`);
    return [{ index, weights, refs }];
  });
  const odd = rules.find(({ weights }) => services.some((one) => weights[one] !== rules[0]?.weights[one]));
  if (how === "divisible" && odd !== undefined)
    throw new ProviderError(
      "rejected",
      `rule ${odd.index} of ${name} divides the traffic differently from rule ${rules[0]?.index}`,
      `Give the rules of ${name} the same weights first, or let the rule that differs name other Services.`,
    );
  if (rules.length === 0) refuse(`no rule of ${name} names ${services.join(" or ")}`);
  return rules;
}

/**
 * The operations from one set of weights to another. Lists of a route are replaced whole by a merge patch, so each
 * weight is set by its place, and the name at that place is tested.
 */
export function weightPatch(from: readonly AppRule[], to: readonly AppRule[]): JsonPatch {
  return to.flatMap(({ index, weights, refs }, nth) =>
    Object.entries(refs).flatMap(([service, place]): JsonPatch => {
      const weight = weights[service] ?? 0;
      if (from[nth]?.weights[service] === weight) return [];
      const at = ["spec", "rules", index, "backendRefs", place] as const;
      return [
        { op: "test", path: pointer(...at, "name"), value: service },
        { op: "add", path: pointer(...at, "weight"), value: weight },
      ];
    }),
  );
}

/** A route counts once every gateway it names has accepted it and found its Services, as it stands now. */
export function checkAccepted({ metadata, spec, status }: HttpRoute): void {
  const { name, generation } = metadata;
  const waiting = inProgress(`${name}: the gateway has not taken the weights yet`);
  if (status.parents.length < Math.max(1, spec.parentRefs.length)) throw waiting;
  for (const { conditions, parentRef } of status.parents) {
    for (const type of ["Accepted", "ResolvedRefs"]) {
      const condition = conditionOf(conditions, type);
      if (condition === undefined || (condition.observedGeneration ?? 0) < generation) throw waiting;
      if (condition.status === "True") continue;
      if (condition.status !== "False") throw waiting;
      throw new ProviderError(
        "rejected",
        `The gateway ${parentRef.name} does not take ${name}: ${type} is False, ${condition.reason}: ${condition.message}`,
        "Requests of what it cannot resolve are answered with 500; correct the route.",
      );
    }
  }
}
