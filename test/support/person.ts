export * from "../../src/sandbox/demo/person.ts";
