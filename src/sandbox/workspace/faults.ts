/** Bad days on demand: rate limits and failing methods, and how often each method was called. */
import type { Faults } from "./model.ts";

interface Fault {
  method: string;
  status: number;
  retryAfterSec?: number;
  /** Slack's own code, in an answer that says `ok: false`. */
  error?: string;
  timesLeft: number;
}

export class FaultBook implements Faults {
  #faults: Fault[] = [];
  readonly #calls = new Map<string, number>();

  rateLimit(method: string, retryAfterSec: number, times: number): void {
    this.#faults.push({ method, status: 429, retryAfterSec, timesLeft: times });
  }
  fail(method: string, status: number, times: number): void {
    this.#faults.push({ method, status, timesLeft: times });
  }
  refuse(method: string, error: string, times: number): void {
    this.#faults.push({ method, status: 200, error, timesLeft: times });
  }
  clear(): void {
    this.#faults = [];
  }
  calls(method: string): number {
    return this.#calls.get(method) ?? 0;
  }

  /** Counts a call and says how it should fail, if it should. */
  take(method: string): { status: number; retryAfterSec?: number; error?: string } | undefined {
    this.#calls.set(method, this.calls(method) + 1);
    const fault = this.#faults.find(
      (one) => one.timesLeft > 0 && (one.method === method || one.method === "*"),
    );
    if (!fault) return undefined;
    fault.timesLeft--;
    return fault;
  }
}
