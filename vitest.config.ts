import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: ["test/support/global-setup.ts"],
    // Whole installations run beside each other on two cores: one that was starved gets a second chance, and is shown.
    retry: process.env.CI === undefined ? 0 : 1,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
    // No module keeps state, so files may share one module graph: loading it anew for each costs minutes.
    isolate: false,
  },
});
