/** Roles of AWS that people assume for a time: where they are, and what a session of them may do. */
import { z } from "zod";
import { durationOr, envNameField, nameField, urlField } from "./fields.ts";

export const awsAccessorSchema = z
  .strictObject({
    name: nameField,
    kind: z.literal("aws"),
    region: z.string().regex(/^[a-z]{2}(?:-[a-z]+)+-\d$/, "must be a region, such as eu-central-1"),
    /** Variable with an access key's id; both are left out where AWS's own chain finds credentials. */
    accessKeyIdEnv: envNameField.optional(),
    secretAccessKeyEnv: envNameField.optional(),
    /** Another address of STS, for an endpoint in a network of your own. */
    stsEndpoint: urlField.optional(),
    iamEndpoint: urlField.optional(),
    /** At an early end, deny the session everything by an inline policy of its role, until it has expired. */
    denyOnRevoke: z.boolean().default(false),
  })
  .refine(
    ({ accessKeyIdEnv, secretAccessKeyEnv }) =>
      (accessKeyIdEnv === undefined) === (secretAccessKeyEnv === undefined),
    {
      path: ["secretAccessKeyEnv"],
      error: "accessKeyIdEnv and secretAccessKeyEnv go together; name both or neither",
    },
  );

/** Characters of an inline session policy and managed policies' ARNs together. Source: AWS STS API, "AssumeRole". */
const sessionPolicyCharsMax = 2_048;
/** Source: the same. */
const policyArnsMax = 10;
const tagsMax = 50;
const tagPattern = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]+$/u;

const durationShortestMs = 900_000;
const durationLongestMs = 12 * 3_600_000;

export const awsTermsSchema = z
  .strictObject({
    roleArn: z
      .string()
      .regex(
        /^arn:aws(?:-[a-z]+)*:iam::\d{12}:role\/(?:[\w+=,.@-]+\/)*[\w+=,.@-]{1,64}$/,
        "must be the ARN of a role, such as arn:aws:iam::111122223333:role/orders-reader",
      ),
    /** MaxSessionDuration of the role as it is set at AWS, where it is 1 h unless changed. */
    sessionMax: durationOr("1h").refine(
      (ms) => ms >= durationShortestMs && ms <= durationLongestMs,
      "must be 15m to 12h: AWS knows no other MaxSessionDuration",
    ),
    /** Session policy: what of the role's rights the session has; all of them when left out. */
    policy: z.record(z.string(), z.json()).optional(),
    /** Managed policies that limit the session further. */
    policyArns: z
      .array(
        z
          .string()
          .regex(
            /^arn:aws(?:-[a-z]+)*:iam::(?:\d{12}|aws):policy\/[\w+=,.@/-]+$/,
            "must be the ARN of a policy",
          ),
      )
      .max(policyArnsMax, `names more than ${policyArnsMax} policies, AWS takes no more; join some`)
      .default([]),
    /** Session tags, by key. */
    tags: z
      .record(z.string().max(128).regex(tagPattern), z.string().max(256).regex(tagPattern))
      .refine(
        (tags) => Object.keys(tags).length <= tagsMax,
        `holds more than ${tagsMax} tags, AWS takes no more`,
      )
      .default({}),
  })
  .refine(
    ({ policy, policyArns }) =>
      (policy === undefined ? 0 : JSON.stringify(policy).length) + policyArns.join("").length <=
      sessionPolicyCharsMax,
    {
      path: ["policy"],
      error: `is longer than ${sessionPolicyCharsMax} characters with policyArns, AWS takes no more; shorten it, or name a managed policy in policyArns`,
    },
  );
