import type { App } from "../../app.ts";
import type { MarkerSinkInstance } from "../../catalog/schema.ts";
import { createMarkerSinks } from "../../providers/markers/instances.ts";
import { reasonOf } from "../world.ts";
import { type Finding, failed, notProven, ok } from "./finding.ts";

/** The id of a marker that nobody made. */
const nobodys = "00000000-0000-0000-0000-000000000000";

/** Asks for a marker that nobody made; a webhook cannot be asked without being told of something. */
export async function checkMarkerSink(
  app: Pick<App, "env" | "clock">,
  instance: MarkerSinkInstance,
): Promise<Finding[]> {
  const system = `Markers ${instance.name}`;
  try {
    const sink = createMarkerSinks(app).of(instance);
    if (!sink.canRead)
      return [notProven(system, "its secret is set", "Its first deploy marker shows whether it takes them.")];
    await sink.find(nobodys);
    return [ok(system, "answers, and takes its token")];
  } catch (error) {
    const { hint } = error as { hint?: string };
    return [failed(system, reasonOf(error), hint ?? `Check providers.markers, ${instance.name}.`)];
  }
}
