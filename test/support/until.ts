export * from "../../src/sandbox/demo/until.ts";
