/** A small generator with a seed (mulberry32), so that a simulation is the same every time. */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

export function binomial(n: number, p: number, random: () => number): number {
  let hits = 0;
  for (let i = Math.floor(Math.log(random()) / Math.log1p(-p)); i < n; hits += 1)
    i += 1 + Math.floor(Math.log(random()) / Math.log1p(-p));
  return hits;
}
