/** What one HAProxy process holds of a service, whichever way its shares are set, and what several make together. Pure. */

import { createHash } from "node:crypto";
import type { TrafficState, TrafficTarget, TrafficVersion } from "./contract.ts";
import { inProportion } from "./weights.ts";

/**
 * HAProxy does not know who changed what, so each change leaves a mark beside the weights: a serial number, the
 * digest of the shares it was made for, and the caller's key. A mark counts only while the shares are still those.
 */
export interface Mark {
  readonly serial: number;
  readonly key: string;
  /** Versions that were given a share at some time, where a weight of 0 alone does not say so. */
  readonly versions?: readonly string[];
}

export interface Held {
  /** Empty when nothing was set yet. */
  readonly versions: readonly TrafficVersion[];
  /** What else a snapshot keeps: weights of single servers. */
  readonly fields: Readonly<Record<string, number>>;
  /** Servers that a person took out of service (maintenance or drain), whatever their weight. */
  readonly out: readonly string[];
  /** Everything that decides the shares, as text; processes agree when it is the same. */
  readonly content: string;
  /** As it stands there. */
  readonly rawMark: string | undefined;
}

/** Digits of the digest in a mark; enough to notice a change, which nobody forges. */
const digestLength = 16;

export function markText({ serial, key, versions = [] }: Mark, content: string): string {
  return `${serial}.${digest(content)}.${encode(key)}.${versions.map(encode).join("+")}`;
}

/** Undefined where there is none, or the shares are no longer those it was written for. */
export function markOf({ rawMark, content }: Pick<Held, "rawMark" | "content">): Mark | undefined {
  const [, serial, made, key, versions] =
    /^(\d{1,12})\.([0-9a-f]+)\.([^.]+)\.([^.]*)$/.exec(rawMark ?? "") ?? [];
  if (made !== digest(content) || key === undefined || versions === undefined) return undefined;
  try {
    return {
      serial: Number(serial),
      key: decodeURIComponent(key),
      versions: versions.split("+").filter(Boolean).map(decodeURIComponent),
    };
  } catch {
    return undefined;
  }
}

/** Also of a mark that no longer counts, so that the next serial number is new. */
export function serialOf({ rawMark }: Held): number {
  return Number(/^(\d{1,12})\./.exec(rawMark ?? "")?.[1] ?? 0);
}

function digest(content: string): string {
  return createHash("sha256").update(content).digest("hex").slice(0, digestLength);
}

/** Nothing that a command line, a HAProxy expression or {@link markOf} reads as more than a character. */
function encode(text: string): string {
  const hex = (char: string) => `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`;
  return encodeURIComponent(text).replace(/[!'()*~.]/g, hex);
}

export function isAgreed(all: readonly Held[]): boolean {
  return all.every(({ content }) => content === all[0]?.content);
}

/** The process that heard the last change of ours, or the first. */
export function latestOf(all: readonly Held[]): Held | undefined {
  const marked = all.flatMap((held) => {
    const mark = markOf(held);
    return mark ? [{ held, serial: mark.serial }] : [];
  });
  const [latest] = marked.sort((a, b) => b.serial - a.serial);
  return latest?.held ?? all[0];
}

/** Where processes differ, the shares are the mean: what users get when every process takes as much of the traffic. */
export function stateOf(target: TrafficTarget, all: readonly Held[]): TrafficState {
  const keys = new Set(all.map((held) => markOf(held)?.key ?? null));
  const [key = null] = keys;
  const revision = createHash("sha256")
    .update(JSON.stringify(all.map(({ content, rawMark }) => [content, rawMark])))
    .digest("hex");
  return {
    service: target.service,
    environment: target.environment,
    versions: isAgreed(all) ? (all[0]?.versions ?? []) : meanOf(all.map(({ versions }) => versions)),
    revision,
    changedBy: keys.size === 1 ? key : null,
    managedBy: null,
  };
}

/** A share that goes wherever HAProxy's own configuration sends it. */
export const elsewhere = "(elsewhere)";

function meanOf(all: readonly (readonly TrafficVersion[])[]): TrafficVersion[] {
  const sums = new Map<string, { address: string | null; units: number }>();
  for (const versions of all) {
    const whole =
      versions.length > 0 ? versions : [{ version: elsewhere, weightPercent: 100, address: null }];
    for (const { version, weightPercent, address } of whole) {
      const known = sums.get(version) ?? { address, units: 0 };
      sums.set(version, { address, units: known.units + Math.round(weightPercent * 100) });
    }
  }
  const shares = shareOut([...sums.values()].map(({ units }) => units));
  return [...sums].map(([version, { address }], index) => ({
    version,
    weightPercent: (shares[index] ?? 0) / 100,
    address,
  }));
}

/** 10,000 hundredths of a percent in proportion, the largest remainders first; all 0 when nothing has a claim. */
export function shareOut(claims: readonly number[]): number[] {
  return claims.some((claim) => claim > 0) ? inProportion(claims, 10_000) : claims.map(() => 0);
}
