/**
 * Alertmanager's webhook body, versions 4 and 3. Pure. Source of the format: Alertmanager docs, "webhook_config";
 * per-alert status and fingerprint came with later releases of version 4.
 */
import { groupedReader } from "./grouped-alerts.ts";
import type { Sender } from "./reader.ts";

export const alertmanager: Sender = {
  about: "Alerts as Alertmanager sends them (webhook_config, version 4; version 3 is read too).",
  read: groupedReader({ versions: ["4", "3"], sender: "Alertmanager" }),
  unreadableStatus: 400,
};
