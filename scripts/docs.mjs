#!/usr/bin/env node
// `npm run docs` writes the generated pages; `--check` says which are not what the declarations say.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { register } from "tsx/esm/api";

register();
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { declaredFeatures } = await import("../src/cli/declared.ts");
const { referencePages } = await import("../src/cli/reference.ts");
const isCheck = process.argv.includes("--check");

const read = (file) => {
  try {
    return readFileSync(join(root, file), "utf8");
  } catch {
    return undefined;
  }
};

const old = referencePages(declaredFeatures()).filter(({ file, text }) => read(file) !== text);
for (const { file, text } of old) {
  if (isCheck) {
    console.error(`${file}: is not what the declarations say. Run: npm run docs`);
    continue;
  }
  mkdirSync(dirname(join(root, file)), { recursive: true });
  writeFileSync(join(root, file), text);
  console.log(`${file}: written`);
}
if (isCheck) process.exitCode = old.length === 0 ? 0 : 1;
