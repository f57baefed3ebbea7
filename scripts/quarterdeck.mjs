#!/usr/bin/env node
// Starts the TypeScript command line from the checkout, whatever folder it is called from.
import { register } from "tsx/esm/api";

register();
const { run } = await import("../src/main.ts");
await run();
