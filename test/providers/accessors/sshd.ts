import { type ChildProcess, execFile, spawn } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { freePort } from "../../../src/platform/embedded/ports.ts";
import { poll } from "../../../src/platform/embedded/wait.ts";
import type { Granted } from "../../../src/providers/accessors/contract.ts";
import { partOf } from "./granted.ts";

const execute = promisify(execFile);

export interface Sshd {
  readonly port: number;
  /** Whom certificates must name. */
  readonly principal: string;
  /** Account that is logged in to: whoever runs the tests. */
  readonly login: string;
  readonly caKeyFile: string;
  /** The accessor's; the server reads `revoked.krl` there. */
  readonly directory: string;
  /** Logs in with what was handed out; undefined when it is refused, else what the command said. */
  run(granted: Granted, command: string, options?: readonly string[]): Promise<string | undefined>;
  /** Arguments of `ssh` for a session of one's own. */
  argsFor(granted: Granted): string[];
  log(): string;
  stop(): Promise<void>;
}

/** A real server that takes certificates of a key made for it, and nothing else. */
export async function startSshd(binary: string): Promise<Sshd> {
  const home = mkdtempSync(join(tmpdir(), "quarterdeck-sshd-"));
  const path = (name: string) => join(home, name);
  const { username: login, uid } = userInfo();
  // Debian's server wants it; only root may make it, and only root's server needs it.
  if (uid === 0) mkdirSync("/run/sshd", { recursive: true });
  const directory = path("accessor");
  mkdirSync(directory);
  for (const name of ["ca", "host"])
    await execute("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", path(name)]);
  await execute("ssh-keygen", ["-q", "-k", "-f", join(directory, "revoked.krl")]);
  const principal = "shop-operators";
  writeFileSync(path("principals"), `${principal}\n`);
  const port = await freePort();
  writeFileSync(
    path("config"),
    [
      `ListenAddress 127.0.0.1:${port}`,
      `HostKey ${path("host")}`,
      `PidFile ${path("pid")}`,
      `TrustedUserCAKeys ${path("ca.pub")}`,
      `RevokedKeys ${join(directory, "revoked.krl")}`,
      `AuthorizedPrincipalsFile ${path("principals")}`,
      "AuthorizedKeysFile none",
      "PasswordAuthentication no",
      "KbdInteractiveAuthentication no",
      "PermitRootLogin yes",
      "StrictModes no",
      "UsePAM no",
      "LogLevel VERBOSE",
      "MaxStartups 100",
      "",
    ].join("\n"),
  );
  const server: ChildProcess = spawn(binary, ["-D", "-e", "-f", path("config")], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let log = "";
  server.stderr?.on("data", (chunk: Buffer) => (log += chunk));
  const isUp = await poll(
    () => log.includes("Server listening") || server.exitCode !== null || undefined,
    15_000,
  );
  if (!isUp || server.exitCode !== null) throw new Error(`sshd did not start:\n${log}`);
  let number = 0;
  const argsFor = (granted: Granted): string[] => {
    number += 1;
    const key = path(`key-${number}`);
    writeFileSync(key, partOf(granted, "key"));
    chmodSync(key, 0o600);
    writeFileSync(`${key}-cert.pub`, partOf(granted, "certificate"));
    return [
      ...["-F", "none", "-i", key, "-p", String(port), "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes"],
      ...["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR"],
      `${login}@127.0.0.1`,
    ];
  };
  return {
    port,
    principal,
    login,
    caKeyFile: path("ca"),
    directory,
    argsFor,
    async run(granted, command, options = []) {
      try {
        return (await execute("ssh", [...options, ...argsFor(granted), command])).stdout;
      } catch (error) {
        const { stderr = "" } = error as { stderr?: string };
        if (stderr.includes("Permission denied")) return undefined;
        throw error;
      }
    },
    log: () => log,
    async stop() {
      const gone = new Promise<void>((resolve) => server.once("exit", () => resolve()));
      server.kill("SIGTERM");
      await gone;
      rmSync(home, { recursive: true, force: true });
    },
  };
}

export const caKeyIn = ({ caKeyFile }: Sshd): string => readFileSync(caKeyFile, "utf8");
