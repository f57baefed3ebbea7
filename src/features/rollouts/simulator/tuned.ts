/**
 * The rivals' best settings on the built-in scenarios, as `npm run bench -- --only judge` found them (it finds them anew
 * each time and uses those); kept so that one scenario can be simulated without the search.
 */
import type { Tuned } from "./simulate.ts";

export const tunedRivals: Tuned = {
  thresholds: {
    errors: { limit: { ofStable: 2.5 }, windowLooks: 10, requestsMin: 500, failureLimit: 5 },
    latency: { limit: { ofStable: 1.75 }, windowLooks: 10, requestsMin: 200, failureLimit: 0 },
    orders: { limit: { ofUsual: 0.7 }, windowLooks: 1, requestsMin: 200, failureLimit: 3 },
    memory: { limit: { ofUsual: 1.2 }, windowLooks: 1, requestsMin: 0, failureLimit: 1 },
  },
  kayenta: {
    signals: {
      errors: { confidence: 0.9, effect: 3, isCritical: true, lookbackLooks: 10, beginAfterLooks: 3 },
      latency: { confidence: 0.95, effect: 1.1, isCritical: true, lookbackLooks: 20, beginAfterLooks: 5 },
      memory: { confidence: 0.9, effect: 1.25, isCritical: true, lookbackLooks: 10, beginAfterLooks: 5 },
    },
    pass: 95,
    marginal: 75,
    nanStrategy: "replace",
  },
};
