import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";

const rows = [
  ...readFileSync("docs/dependencies.md", "utf8").matchAll(/^\| `([^`]+)` \| ([^|]+) \| (.+) \|$/gm),
].map(([, name, licence, why]) => ({ name: name as string, licence: licence as string, why: why as string }));
const listed = rows.map(({ name }) => name);
const manifest = JSON.parse(readFileSync("package.json", "utf8")) as { dependencies: Record<string, string> };

it("the page on dependencies names what is installed, with its licence and a reason", () => {
  expect(listed.filter((name) => !(name in manifest.dependencies))).toEqual([]);
  for (const { name, licence, why } of rows) {
    const installed = JSON.parse(readFileSync(join("node_modules", name, "package.json"), "utf8")) as {
      license: string;
    };
    // A package may point at a file instead of naming its licence.
    if (!installed.license.startsWith("SEE LICENSE"))
      expect([name, licence]).toEqual([name, installed.license]);
    expect(why.length).toBeGreaterThan(5);
  }
});

it("every package that the source imports is on the page", () => {
  const packageOf = (specifier: string) =>
    specifier
      .split("/")
      .slice(0, specifier.startsWith("@") ? 2 : 1)
      .join("/");
  const imported = new Set(
    readdirSync("src", { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".ts"))
      .flatMap((name) => [
        ...readFileSync(join("src", name), "utf8").matchAll(/from "([@a-z][^".]*(?:\.js)?[^"]*)"/g),
      ])
      .map(([, specifier]) => specifier as string)
      .filter((specifier) => !specifier.startsWith("node:"))
      .map(packageOf),
  );
  expect(imported.size).toBeGreaterThan(10);
  expect([...imported].filter((name) => !listed.includes(name))).toEqual([]);
});

it("every page that the readme links is there", () => {
  const links = [...readFileSync("README.md", "utf8").matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)].map(
    ([, path]) => path as string,
  );
  expect(links.length).toBeGreaterThan(5);
  for (const path of links) expect(() => readdirSync(join(path, ".."))).not.toThrow();
  const there = (path: string) => readdirSync(join(path, "..")).includes(path.split("/").at(-1) as string);
  expect(links.filter((path) => !there(path))).toEqual([]);
});
