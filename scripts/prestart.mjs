#!/usr/bin/env node
// Runs before `npm start`, `npm test` and the like: installs the packages when what is installed is not what
// package-lock.json says. Plain Node without dependencies, since there may be none yet; speaks on stderr only,
// since the command that follows may print JSON. Syntax stays plain, so that an old Node can run the version check.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { linkSync, mkdirSync, readFileSync, renameSync, unlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const oldestNode = [20, 19];
const waitMsMax = 15 * 60_000;
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const stampPath = join(root, "node_modules", ".quarterdeck-install.json");
const lockPath = join(root, ".quarterdeck", "install.lock");

/** Hints for what npm says most often, first match first. */
const hints = [
  [
    /ENOTFOUND|EAI_AGAIN|ETIMEDOUT|ECONNREFUSED|ECONNRESET|ENETUNREACH|ENOTCACHED|ERR_SOCKET_TIMEOUT/,
    "The package registry cannot be reached. Connect this machine, or set a mirror or proxy (`npm config set registry <url>`, `npm config set proxy <url>`), or copy node_modules from a machine of the same platform; then start again.",
  ],
  [/ENOSPC/, "The disk is full. Free some space and start again."],
  [
    /EACCES|EPERM|EROFS/,
    `This user may not write to ${join(root, "node_modules")}. Start as the owner of the checkout, or give it away with chown.`,
  ],
  [
    /EINTEGRITY/,
    "A package is not the one package-lock.json names. Run `npm cache clean --force` and start again; if it stays so, ask your registry's keeper.",
  ],
  [/EUSAGE|in sync/, "package.json and package-lock.json differ. Run `npm install` to bring them together."],
  [/EBADENGINE/, "A package needs another Node. Install the current Node 20, 22 or 24."],
];

function say(line) {
  process.stderr.write(`${line}\n`);
}

function fail(message, hint) {
  say(`quarterdeck: ${message}`);
  if (hint) say(hint);
  process.exit(1);
}

function assertNode() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major > oldestNode[0] || (major === oldestNode[0] && minor >= oldestNode[1])) return;
  fail(
    `needs Node ${oldestNode.join(".")} or newer; this is ${process.versions.node} (${process.execPath}).`,
    "Install Node 20, 22 or 24 from https://nodejs.org or with a version manager (`nvm install 20`), then start again.",
  );
}

function readJson(path) {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return undefined;
  }
}

/** What an installation is made for and from. `npm start` alone does without the development packages. */
function wantedInstall() {
  let lockText;
  try {
    lockText = readFileSync(join(root, "package-lock.json"));
  } catch (error) {
    fail(`package-lock.json cannot be read: ${error.message}`, "Start from a complete checkout.");
  }
  return {
    lock: createHash("sha256").update(lockText).digest("hex"),
    platform: `${process.platform}-${process.arch}`,
    nodeMajor: Number.parseInt(process.versions.node, 10),
    withDev: process.env.npm_lifecycle_event !== "prestart" || process.env.NODE_ENV !== "production",
  };
}

/** Why the packages must be installed; undefined when they need not. */
function reasonToInstall(wanted) {
  const installed = readJson(join(root, "node_modules", ".package-lock.json"));
  // npm writes this list last: without it an installation was never made, or was cut short.
  if (!installed) return "no complete installation is here yet";
  const stamp = readJson(stampPath);
  if (stamp && stamp.platform !== wanted.platform)
    return `the packages were installed for ${stamp.platform}, this is ${wanted.platform}`;
  if (stamp && stamp.nodeMajor !== wanted.nodeMajor)
    return `the packages were installed for Node ${stamp.nodeMajor}, this is Node ${wanted.nodeMajor}`;
  if (stamp && stamp.lock === wanted.lock && (stamp.withDev || !wanted.withDev)) return undefined;
  const odd = firstDifference(readJson(join(root, "package-lock.json")), installed, wanted.withDev);
  if (odd) return `${odd} is not installed as package-lock.json says`;
  // Installed by hand, exactly right: nothing to do but to remember it.
  writeStamp(wanted);
  return undefined;
}

function firstDifference(lock, installed, withDev) {
  const have = installed.packages || {};
  const want = lock?.packages || {};
  const suits = (list, value) =>
    !list || (list.some((item) => item === value || item[0] === "!") && !list.includes(`!${value}`));
  for (const [path, entry] of Object.entries(want)) {
    if (path === "" || (entry.dev && !withDev)) continue;
    const found = have[path];
    if (found) {
      if (
        found.version !== entry.version ||
        found.integrity !== entry.integrity ||
        found.resolved !== entry.resolved
      )
        return path;
    } else if (path.startsWith("node_modules/") || path.includes("/node_modules/")) {
      const mayBeMissing = entry.optional || entry.devOptional || entry.peer;
      const isForThisMachine =
        suits(entry.os, process.platform) && suits(entry.cpu, process.arch) && !entry.libc;
      if (!mayBeMissing || (entry.os && entry.optional && isForThisMachine)) return path;
    }
  }
  return Object.keys(have).find((path) => !(path in want));
}

function writeStamp(wanted) {
  try {
    writeFileSync(stampPath, `${JSON.stringify(wanted, null, 2)}\n`);
  } catch (error) {
    // A checkout that cannot be written is looked through again next time; that costs some milliseconds.
    if (!["EROFS", "EACCES", "EPERM"].includes(error.code)) throw error;
  }
}

/** Field 22 of /proc/<pid>/stat: with the pid it names one process for good. Elsewhere the pid alone must do. */
function startMark(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  } catch {
    return "";
  }
}

function isHolderAlive(text) {
  const [pid, mark] = text.trim().split(" ");
  try {
    process.kill(Number(pid), 0);
  } catch (error) {
    return error.code === "EPERM";
  }
  return !mark || mark === startMark(pid);
}

function tryLock() {
  mkdirSync(dirname(lockPath), { recursive: true });
  const own = `${lockPath}.${process.pid}`;
  writeFileSync(own, `${process.pid} ${startMark(process.pid)}\n`);
  try {
    linkSync(own, lockPath);
    return true;
  } catch (error) {
    if (error.code !== "EEXIST") throw error;
    dropIfStale();
    return false;
  } finally {
    unlinkSync(own);
  }
}

function dropIfStale() {
  try {
    if (isHolderAlive(readFileSync(lockPath, "utf8"))) return;
    const aside = `${lockPath}.stale.${process.pid}`;
    renameSync(lockPath, aside);
    unlinkSync(aside);
  } catch (error) {
    if (error.code !== "ENOENT") throw error;
  }
}

async function takeLock() {
  for (let waitedMs = 0; !tryLock(); waitedMs += 250) {
    if (waitedMs === 0) say("quarterdeck: another start is installing the packages; waiting for it.");
    if (waitedMs > waitMsMax)
      fail(
        "the other installation does not end.",
        `Look what it does (its pid is in ${lockPath}), or delete that file.`,
      );
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  process.on("exit", () => unlinkSync(lockPath));
}

/** Resolves with npm's exit code and the end of what it said. */
function npmCi(withDev) {
  const npm = process.env.npm_execpath;
  const flags = ["ci", "--no-audit", "--no-fund", ...(withDev ? ["--include=dev"] : [])];
  const [command, args] =
    npm && /\.[cm]?js$/.test(npm) ? [process.execPath, [npm, ...flags]] : ["npm", flags];
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: root,
      stdio: ["ignore", "pipe", "pipe"],
      shell: process.platform === "win32" && command === "npm",
    });
    let said = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk) => {
        said = (said + chunk).slice(-20_000);
        process.stderr.write(chunk);
      });
    }
    child.on("error", (error) => resolve({ code: error.message, said }));
    child.on("close", (code, signal) => resolve({ code: code === null ? signal : code, said }));
  });
}

async function main() {
  assertNode();
  const wanted = wantedInstall();
  if (!reasonToInstall(wanted)) return;
  await takeLock();
  // Whoever held the lock before may have done it meanwhile.
  const reason = reasonToInstall(wanted);
  if (!reason) return;
  say(`quarterdeck: installing packages (npm ci): ${reason}.`);
  const { code, said } = await npmCi(wanted.withDev);
  if (code !== 0) {
    const known = hints.find(([pattern]) => pattern.test(said));
    fail(
      `the packages could not be installed: npm ci ended with ${code}.`,
      known ? known[1] : "What npm said is above.",
    );
  }
  writeStamp(wanted);
}

main().catch((error) =>
  fail(
    `the packages could not be installed: ${error.message}`,
    error.code === "EACCES" || error.code === "EROFS"
      ? `This user may not write to ${root}. Start as the owner of the checkout.`
      : undefined,
  ),
);
