const lookEveryMs = 250;

/** Looks again and again; undefined once the time is up. */
export async function eventually<T>(
  withinMs: number,
  look: () => Promise<T | undefined>,
): Promise<T | undefined> {
  const endMs = performance.now() + withinMs;
  for (;;) {
    const seen = await look();
    if (seen !== undefined || performance.now() > endMs) return seen;
    await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
  }
}
