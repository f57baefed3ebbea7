/** Lets only so many run at once; the others wait their turn, first come, first served. */
export class Gate {
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(private readonly runningMax: number) {}

  async pass<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running < this.runningMax) this.#running += 1;
    // Who ends hands its place on, so that nobody who comes later takes it.
    else await new Promise<void>((turn) => this.#waiting.push(turn));
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#running -= 1;
    }
  }
}
