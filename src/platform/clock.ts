/**
 * One clock: database time. Each process measures its offset to Postgres every 10 s and adds it to the
 * machine's time, so that two machines 30 s apart agree on what is due.
 */
export interface Clock {
  now(): Date;
}

/** Offset past which the process says so; deadlines are still judged by database time. */
export const skewAlarmMs = 2_000;
const measureEveryMs = 10_000;

export class DatabaseClock implements Clock {
  #offsetMs = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly databaseNow: () => Promise<Date>,
    private readonly onSkew: (offsetMs: number) => void,
    private readonly machineNowMs: () => number = Date.now,
  ) {}

  now(): Date {
    return new Date(this.machineNowMs() + this.#offsetMs);
  }

  /** Measures once; half the round trip is taken as the way back. Keeps the last offset when Postgres is away. */
  async measure(): Promise<number> {
    const sentMs = this.machineNowMs();
    const answered = await this.databaseNow();
    const gotMs = this.machineNowMs();
    this.#offsetMs = answered.getTime() - (sentMs + gotMs) / 2;
    if (Math.abs(this.#offsetMs) > skewAlarmMs) this.onSkew(this.#offsetMs);
    return this.#offsetMs;
  }

  start(): void {
    this.#timer = setInterval(() => void this.measure().catch(() => undefined), measureEveryMs);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
