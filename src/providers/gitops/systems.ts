import { createArgoCd } from "./argo-cd.ts";
import type { GitopsSystem, Owner } from "./contract.ts";
import { createFlux } from "./flux.ts";

/** Undefined for one that heals nothing by itself: Helm changes objects when somebody upgrades. */
export function createGitopsSystems(): (system: Owner["system"]) => GitopsSystem | undefined {
  const argoCd = createArgoCd();
  const flux = createFlux();
  return (system) => {
    switch (system) {
      case "argo-cd":
        return argoCd;
      case "flux":
        return flux;
      case "helm":
        return undefined;
    }
  };
}
