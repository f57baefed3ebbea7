/**
 * One clock: database time. Each process asks Postgres every 10 s and counts on from its answer by what passed since, so
 * that two machines 30 s apart agree on what is due, and one whose clock is set meanwhile does not notice.
 */
export interface Clock {
  now(): Date;
}

/** Offset past which the process says so; deadlines are still judged by database time. */
export const skewAlarmMs = 2_000;
const measureEveryMs = 10_000;

export class DatabaseClock implements Clock {
  /** What the database's clock showed, and the steady one at that moment; null before the first measurement. */
  #known: { databaseMs: number; steadyMs: number } | null = null;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly databaseNow: () => Promise<Date>,
    private readonly onSkew: (offsetMs: number) => void,
    private readonly machineNowMs: () => number = Date.now,
    /** Counts up whatever becomes of the machine's clock. */
    private readonly steadyMs: () => number = () => performance.now(),
  ) {}

  now(): Date {
    if (this.#known === null) return new Date(this.machineNowMs());
    return new Date(this.#known.databaseMs + this.steadyMs() - this.#known.steadyMs);
  }

  /**
   * Measures once; half the round trip is taken as the way back. Keeps what it knew when Postgres is away.
   *
   * @returns how far the machine's clock is behind the database's, in milliseconds
   */
  async measure(): Promise<number> {
    const sentMs = this.steadyMs();
    const answered = await this.databaseNow();
    const gotMs = this.steadyMs();
    this.#known = { databaseMs: answered.getTime(), steadyMs: (sentMs + gotMs) / 2 };
    const offsetMs = this.now().getTime() - this.machineNowMs();
    if (Math.abs(offsetMs) > skewAlarmMs) this.onSkew(offsetMs);
    return offsetMs;
  }

  start(): void {
    this.#timer = setInterval(() => void this.measure().catch(() => undefined), measureEveryMs);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
