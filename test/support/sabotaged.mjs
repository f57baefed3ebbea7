// `start`, with effects that a test can turn into nothing while it runs.
import { register } from "tsx/esm/api";

register();
await import("./sabotaged.ts");
