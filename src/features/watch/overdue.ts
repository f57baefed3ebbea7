/** When an alert that should keep coming has stopped. Pure. */

/** Milliseconds a watchdog may be late at least: senders wait for company before they send. */
const lateLeastMs = 60_000;

/** A gap between looks longer than this: nobody listened, and what was sent meanwhile is not known. */
const gapMaxMs = 60_000;

export const isListening = (lookedAt: Date, now: Date): boolean =>
  now.getTime() - lookedAt.getTime() <= gapMaxMs;

export interface Coming {
  /** Milliseconds between two, as declared. */
  every: number;
  /** When it last came, ever. */
  lastAt: Date | null;
  /** When it was first declared. */
  declaredAt: Date;
  /** Since when everything that was sent could be taken without a gap. */
  listeningSince: Date;
}

/** Half an interval late is missing, a minute at least. */
export const lateMs = (every: number): number => Math.max(lateLeastMs, every / 2);

/**
 * Missing from that moment on; in the future while all is well. A new one has an interval of grace, and so has every
 * one after Quarterdeck could not listen: what was sent meanwhile is not known.
 */
export function missingFrom({ every, lastAt, declaredAt, listeningSince }: Coming): Date {
  const fromMs = Math.max(lastAt?.getTime() ?? 0, declaredAt.getTime(), listeningSince.getTime());
  return new Date(fromMs + every + lateMs(every));
}
