import type { Accessor } from "../../src/providers/accessors/contract.ts";
import { ProviderError } from "../../src/providers/errors.ts";

/** Each so many calls fails: in turns before it had its effect, and after. */
export function failing(oneIn: number): (accessor: Accessor) => Accessor {
  let calls = 0;
  const call = async <T>(real: () => Promise<T>): Promise<T> => {
    calls += 1;
    const fails = calls % oneIn === 0;
    const isLate = calls % (2 * oneIn) === 0;
    const lost = () => new ProviderError("timeout", "Its answer was lost", "Read back before trying again");
    if (fails && !isLate) throw lost();
    const answer = await real();
    if (fails) throw lost();
    return answer;
  };
  return (accessor) => ({
    ...accessor,
    grant: (...input) => call(() => accessor.grant(...input)),
    verify: (...input) => call(() => accessor.verify(...input)),
    revoke: (...input) => call(() => accessor.revoke(...input)),
  });
}
