/**
 * What ends a session of AWS before its time: an inline policy of the role that denies that one session everything.
 * Its name says whose session and until when, so that a list of names is enough to know what is spent.
 * Source: IAM User Guide, "Revoking IAM role temporary security credentials".
 */
import { DateTime } from "luxon";
import { externalNamePattern } from "./contract.ts";

export interface Denial {
  externalName: string;
  /** The session's own expiry; afterwards the policy does nothing any more. */
  until: Date;
}

const stampFormat = "yyyyMMdd'T'HHmmss'Z'";
const namePattern = /^(qd_[a-z0-9]+)\.(\d{8}T\d{6}Z)$/;

/** `qd_g12.20261125T180000Z`; the time is rounded up to the second. */
export function denialName({ externalName, until }: Denial): string {
  const roundedMs = Math.ceil(until.getTime() / 1_000) * 1_000;
  return `${externalName}.${DateTime.fromMillis(roundedMs, { zone: "utc" }).toFormat(stampFormat)}`;
}

/** Undefined for a policy that is not ours. */
export function denialFrom(policyName: string): Denial | undefined {
  const [, externalName, stamp] = namePattern.exec(policyName) ?? [];
  if (externalName === undefined || stamp === undefined || !externalNamePattern.test(externalName))
    return undefined;
  const until = DateTime.fromFormat(stamp, stampFormat, { zone: "utc" });
  return until.isValid ? { externalName, until: until.toJSDate() } : undefined;
}

/**
 * The session is known by its name, which is the grant's alone. All of its tokens were issued before they expire, so
 * no clock decides whether the newest is met.
 */
export function denialDocument({ externalName, until }: Denial): string {
  return JSON.stringify({
    Version: "2012-10-17",
    Statement: [
      {
        Sid: "QuarterdeckEnded",
        Effect: "Deny",
        Action: "*",
        Resource: "*",
        Condition: {
          StringLike: { "aws:userid": `*:${externalName}` },
          DateLessThan: { "aws:TokenIssueTime": until.toISOString() },
        },
      },
    ],
  });
}
