/**
 * The way back of pages told by signed webhook: the same form, sent to us. `{ type: "page.acknowledged", timestamp,
 * data: { key, by } }`. Pure. Source of the envelope and its signature: standardwebhooks.com, "Standard Webhooks
 * specification".
 */
import { z } from "zod";
import { pageOfKey } from "../../../providers/pagers/contract.ts";
import { givenKey } from "./fingerprint.ts";
import { delivery, type Inbound, readBody, type Sender } from "./reader.ts";
import { textOf } from "./texts.ts";
import { time } from "./times.ts";

const types = { "page.acknowledged": "acknowledged", "page.resolved": "resolved" } as const;

const bodySchema = z.object({
  type: z.enum(Object.keys(types) as (keyof typeof types)[], {
    error: "must be page.acknowledged or page.resolved",
  }),
  timestamp: time,
  data: z.looseObject(
    {
      key: z
        .string({ error: "is missing: no key to know the page by" })
        .refine((key) => pageOfKey(key) !== undefined && givenKey(key) !== undefined, {
          error: "is not a key of a page as it was sent",
        }),
      by: z.unknown().optional(),
    },
    { error: "must be an object" },
  ),
});

function read({ body, headers }: Inbound) {
  const deliveryId = givenKey(headers["webhook-id"]) ?? null;
  const parsed = readBody(body, bodySchema);
  if ("problems" in parsed) return delivery({ deliveryId, problems: parsed.problems });
  const { type, timestamp, data } = parsed.value;
  return delivery({
    deliveryId,
    events: [
      {
        kind: "page",
        system: "webhook",
        what: types[type],
        key: givenKey(data.key) ?? "",
        by: textOf(data.by) ?? null,
        at: timestamp ?? null,
      },
    ],
  });
}

export const pages: Sender = {
  about: "Who acknowledged or ended a page that a signed webhook told of, signed as that one is.",
  read,
  headers: ["webhook-id"],
  signature: {
    header: () => "webhook-signature",
    scheme: "standard-webhooks",
    timestampHeader: () => "webhook-timestamp",
    timeRequired: true,
  },
  unreadableStatus: 400,
};
