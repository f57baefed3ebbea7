#!/usr/bin/env node
// Builds the kube-apiserver that tests run against, from the published Go modules, and keeps it in the user's cache.
// Some ten minutes on two cores, once per version. Does nothing where it stands there already or Go is missing.
import { spawnSync } from "node:child_process";
import {
  accessSync,
  constants,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
} from "node:fs";
import { homedir, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** A build that takes longer is given up: the tests are left out, and say so. */
const buildMinutesMax = 40;

const source = join(
  dirname(dirname(fileURLToPath(import.meta.url))),
  "test",
  "support",
  "kubernetes",
  "apiserver",
);
const version = /k8s\.io\/kubernetes (v\S+)/.exec(readFileSync(join(source, "go.mod"), "utf8"))?.[1];
const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "quarterdeck");
const binary = join(cache, `kube-apiserver-${version}`);

const isExecutable = (path) => {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
};

const go = [...(process.env.PATH ?? "").split(":"), "/usr/local/go/bin"]
  .map((folder) => join(folder, "go"))
  .find(isExecutable);

if (isExecutable(binary)) console.log(`${binary} is there.`);
else if (go === undefined)
  console.log("Go is not installed: no kube-apiserver; tests that need one are left out.");
else {
  // Elsewhere than in the checkout: what is compiled must not change under the compiler.
  const folder = mkdtempSync(join(tmpdir(), "quarterdeck-kube-apiserver-"));
  cpSync(source, folder, { recursive: true });
  mkdirSync(cache, { recursive: true });
  console.log(`Building kube-apiserver ${version} …`);
  const began = performance.now();
  const built = join(folder, "kube-apiserver");
  const { status, signal } = spawnSync(
    go,
    ["build", "-p", "2", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w", "-o", built, "."],
    {
      cwd: folder,
      stdio: "inherit",
      timeout: buildMinutesMax * 60_000,
      env: { ...process.env, CGO_ENABLED: "0" },
    },
  );
  if (status === 0) {
    const whole = `${binary}.${process.pid}`;
    cpSync(built, whole);
    renameSync(whole, binary);
  }
  rmSync(folder, { recursive: true, force: true });
  const took = `${((performance.now() - began) / 60_000).toFixed(1)} min`;
  console.log(
    status === 0 ? `${binary}: built in ${took}` : `Not built after ${took}${signal ? `: ${signal}` : ""}.`,
  );
  process.exitCode = status === 0 ? 0 : 1;
}
