/**
 * Group commit: items that arrive within the same few milliseconds share one transaction. Each caller gets its own
 * answer once the group is committed; if the group fails, each item is tried alone, so a bad one fails alone.
 */
export class GroupCommit<Item, Result> {
  #waiting: { item: Item; resolve: (result: Result) => void; reject: (error: unknown) => void }[] = [];
  #inFlight = 0;
  #scheduled = false;

  constructor(
    private readonly commit: (items: readonly Item[]) => Promise<readonly Result[]>,
    private readonly options: { itemsMax: number; groupsAtOnce: number },
  ) {}

  add(item: Item): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject });
      this.#schedule();
    });
  }

  get pending(): number {
    return this.#waiting.length;
  }

  #schedule(): void {
    if (this.#scheduled || this.#inFlight >= this.options.groupsAtOnce || this.#waiting.length === 0) return;
    this.#scheduled = true;
    // One turn of the event loop gathers what the sockets have already delivered.
    setImmediate(() => {
      this.#scheduled = false;
      void this.#flush();
    });
  }

  async #flush(): Promise<void> {
    const group = this.#waiting.splice(0, this.options.itemsMax);
    if (group.length === 0) return;
    this.#inFlight += 1;
    try {
      const results = await this.commit(group.map((entry) => entry.item));
      for (const [index, entry] of group.entries()) entry.resolve(results[index] as Result);
    } catch (error) {
      if (group.length === 1) group[0]?.reject(error);
      else
        await Promise.all(
          group.map((entry) =>
            this.commit([entry.item]).then((results) => entry.resolve(results[0] as Result), entry.reject),
          ),
        );
    } finally {
      this.#inFlight -= 1;
      this.#schedule();
    }
  }
}
