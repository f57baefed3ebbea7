/**
 * OCSF 1.9.0, a line of JSON each: class Entity Management (3004) of category Identity & Access Management (3), since
 * an entry says that somebody changed a thing that Quarterdeck manages. Source: https://schema.ocsf.io/1.9.0, the
 * class, and the objects metadata, actor, user and managed_entity.
 */
import type { EntryBody, ExportFormat } from "./entry.ts";

const version = "1.9.0";
const classUid = 3004;

/** `activity_id` of Entity Management. Every entry is a change; what is neither a beginning nor an end updates. */
const activities = { create: 1, read: 2, update: 3, delete: 4 } as const;
const names = { 1: "Create", 2: "Read", 3: "Update", 4: "Delete" } as const;

const verbs: Readonly<Record<string, keyof typeof activities>> = {
  requested: "create",
  started: "create",
  queued: "create",
  created: "create",
  recorded: "create",
  sent: "create",
  begun: "create",
  read: "read",
  exported: "read",
  ended: "delete",
  revoked: "delete",
  denied: "update",
  "orphan-removed": "delete",
  "person-erased": "delete",
};

/** Informational: an audit tells what was done, not how bad it is. */
const severityId = 1;
const statusSuccess = 1;

export function ocsfEvent(entry: EntryBody): Record<string, unknown> {
  const { seq, at, actor, action, subject, service, before, after, reason, detail, catalog, correlation } =
    entry;
  const [noun = action, ...verb] = action.split(".");
  const activityId = activities[verbs[verb.join(".")] ?? "update"];
  const time = Date.parse(at);
  return {
    activity_id: activityId,
    activity_name: names[activityId],
    category_uid: 3,
    category_name: "Identity & Access Management",
    class_uid: classUid,
    class_name: "Entity Management",
    type_uid: classUid * 100 + activityId,
    type_name: `Entity Management: ${names[activityId]}`,
    severity_id: severityId,
    severity: "Informational",
    status_id: statusSuccess,
    status: "Success",
    time,
    message: `${action} ${subject}`,
    metadata: {
      version,
      product: { name: "Quarterdeck", vendor_name: "Quarterdeck" },
      uid: String(seq),
      sequence: seq,
      event_code: action,
      log_name: "audit",
      original_time: at,
      ...(correlation === undefined ? {} : { correlation_uid: correlation }),
    },
    actor:
      actor.team === "-"
        ? { app_name: actor.person }
        : { user: { uid: actor.person, org: { uid: actor.team } } },
    entity: {
      uid: subject,
      name: subject,
      type: noun,
      ...(detail === undefined ? {} : { data: detail }),
    },
    ...(reason === undefined ? {} : { comment: reason }),
    unmapped: JSON.parse(JSON.stringify({ door: actor.door, service, before, after, catalog })) as object,
  };
}

export const ocsf: ExportFormat = {
  head: "",
  line: ({ read }) => `${JSON.stringify(ocsfEvent(read))}\n`,
};
