#!/usr/bin/env node
// `npm run bench`: measures what docs/benchmarks.md shows, from the checkout, whatever folder it is called from.
import { register } from "tsx/esm/api";

register();
const { bench } = await import("../test/bench/bench.ts");
process.exitCode = await bench(process.argv.slice(2));
