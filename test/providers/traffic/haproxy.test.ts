import { describe } from "vitest";
import { requireService } from "../../support/services.ts";
import { trafficConformance } from "./conformance.ts";
import { openHaproxy } from "./haproxy-bench.ts";

const binary = requireService("haproxy") ?? "";

describe.runIf(binary)("on a real HAProxy", () => {
  trafficConformance("HAProxy map", () => openHaproxy(binary, "map"));
  trafficConformance("HAProxy server weight", () => openHaproxy(binary, "servers"));
});
