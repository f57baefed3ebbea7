// A thread of its own reads TypeScript only once it has registered what reads it.
import { register } from "tsx/esm/api";

register();
await import("./judge-worker.ts");
