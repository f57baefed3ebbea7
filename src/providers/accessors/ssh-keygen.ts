/** `ssh-keygen` as a child process: key pairs, certificates, revocation lists. Source: OpenSSH, ssh-keygen(1). */
import { execFile } from "node:child_process";
import { chmod, lstat, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Secret } from "../../platform/secret.ts";
import { ProviderError } from "../errors.ts";

export interface Signing {
  /** Grant's name; hosts write it into their log. */
  keyId: string;
  serial: string;
  principals: readonly string[];
  from: Date;
  until: Date;
  sourceAddresses?: readonly string[] | undefined;
  forceCommand?: string | undefined;
  permit: readonly string[];
}

export interface Signed {
  privateKey: Secret<string>;
  certificate: string;
}

/** What a certificate says of itself. */
export interface CertificateFacts {
  keyId: string;
  serial: string;
  principals: readonly string[];
  until: Date | null;
  criticalOptions: readonly string[];
  extensions: readonly string[];
}

export interface Keygen {
  /** Signs a key pair that is made for it. */
  sign(signing: Signing): Promise<Signed>;
  /** @returns fingerprint of the key that signs, such as `SHA256:…` */
  fingerprint(): Promise<string>;
  /** @returns a revocation list of these, as bytes */
  revocationList(revoked: Revoking, version: number): Promise<Buffer>;
}

export interface Revoking {
  readonly serials: readonly string[];
  readonly keyIds: readonly string[];
}

export interface KeygenOptions {
  /** The private key that signs; or the path of its file. */
  caKey: Secret<string> | { file: string };
  signal: AbortSignal;
}

/** Where programs of a system are; nothing else of our surroundings reaches a child. */
const surroundings = { PATH: "/usr/local/bin:/usr/bin:/bin:/usr/sbin", TZ: "UTC", LC_ALL: "C" };
const folderPrefix = "quarterdeck-ssh-";
/** Longer than any call may last. */
const leftBehindMs = 10 * 60_000;
/** Its answers are a few lines. */
const answerBytesMax = 1024 * 1024;

/** Works with the signing key in a folder that only we may enter and that is gone afterwards. */
export async function withKeygen<T>(
  options: KeygenOptions,
  work: (keygen: Keygen) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), folderPrefix));
  try {
    await chmod(folder, 0o700);
    await removeLeftBehind(folder);
    const ca = await caFile(options.caKey, folder);
    return await work(keygenIn(folder, ca, options.signal));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A process that is killed at work cannot remove its folder, which may hold the signing key: whoever works next does. */
async function removeLeftBehind(own: string): Promise<void> {
  const { uid, mtimeMs: nowMs } = await lstat(own);
  const names = (await readdir(tmpdir())).filter((name) => name.startsWith(folderPrefix));
  await Promise.all(
    names.map(async (name) => {
      const path = join(tmpdir(), name);
      // Others may be removing it at the same time.
      const found = await lstat(path).catch(() => undefined);
      // Both by the temporary folder's own clock.
      const isLeft = found?.isDirectory() && found.uid === uid && nowMs - found.mtimeMs > leftBehindMs;
      if (isLeft) await rm(path, { recursive: true, force: true });
    }),
  );
}

async function caFile(caKey: KeygenOptions["caKey"], folder: string): Promise<string> {
  if (!(caKey instanceof Secret)) return caKey.file;
  const path = join(folder, "ca");
  // ssh-keygen refuses a key whose last line does not end.
  await writeFile(path, `${caKey.reveal().trim()}\n`, { mode: 0o600 });
  return path;
}

function keygenIn(folder: string, ca: string, signal: AbortSignal): Keygen {
  const keygen = (...args: string[]) => run("ssh-keygen", args, signal);
  const publicCa = async (): Promise<string> => {
    const path = join(folder, "ca.pub");
    // Without a passphrase: one that asks for it fails here and does not wait.
    await writeFile(path, await keygen("-y", "-P", "", "-f", ca));
    return path;
  };
  return {
    async sign(signing) {
      const key = join(folder, "key");
      await keygen("-q", "-t", "ed25519", "-N", "", "-C", signing.keyId, "-f", key);
      await keygen(
        ...["-q", "-s", ca, "-I", signing.keyId, "-z", signing.serial],
        ...["-n", signing.principals.join(",")],
        ...["-V", `${stamp(signing.from)}:${stamp(signing.until)}`],
        ...optionsOf(signing).flatMap((option) => ["-O", option]),
        `${key}.pub`,
      );
      return {
        privateKey: new Secret(await readFile(key, "utf8")),
        certificate: await readFile(`${key}-cert.pub`, "utf8"),
      };
    },

    fingerprint: async () => {
      const text = await keygen("-l", "-E", "sha256", "-f", await publicCa());
      return /SHA256:\S+/.exec(text)?.[0] ?? "";
    },

    async revocationList({ serials, keyIds }, version) {
      const [list, specification] = [join(folder, "list"), join(folder, "specification")];
      const lines = [...serials.map((serial) => `serial: ${serial}`), ...keyIds.map((id) => `id: ${id}`)];
      await writeFile(specification, lines.map((line) => `${line}\n`).join(""));
      await keygen("-k", "-z", String(version), "-f", list, "-s", await publicCa(), specification);
      return await readFile(list);
    },
  };
}

/** What `-O` takes; begins with nothing at all. */
export const optionsOf = ({
  permit,
  sourceAddresses,
  forceCommand,
}: Omit<Signing, "from" | "until">): string[] => [
  "clear",
  ...permit.map((what) => `permit-${what}`),
  ...(sourceAddresses ? [`source-address=${sourceAddresses.join(",")}`] : []),
  ...(forceCommand === undefined ? [] : [`force-command=${forceCommand}`]),
];

/** `YYYYMMDDHHMMSS`, in the child's zone, which is UTC. */
export const stamp = (at: Date): string => at.toISOString().replaceAll(/[-:T]|\.\d+Z$/g, "");

/** What a certificate says, read by ssh-keygen and not from what was asked. */
export async function describeCertificate(
  certificate: string,
  signal: AbortSignal,
): Promise<CertificateFacts> {
  return withFile(certificate, async (path) => factsIn(await run("ssh-keygen", ["-L", "-f", path], signal)));
}

/** Whether a list refuses a certificate. */
export async function isRevoked(list: string, certificate: string, signal: AbortSignal): Promise<boolean> {
  return withFile(certificate, async (path) => {
    try {
      await run("ssh-keygen", ["-Q", "-f", list, path], signal);
      return false;
    } catch (error) {
      if (error instanceof ProviderError && /\bREVOKED\b/.test(error.message)) return true;
      throw error;
    }
  });
}

async function withFile<T>(certificate: string, work: (path: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), folderPrefix));
  try {
    const path = join(folder, "key-cert.pub");
    await writeFile(path, certificate);
    return await work(path);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

export function factsIn(text: string): CertificateFacts {
  const one = (pattern: RegExp): string => pattern.exec(text)?.[1] ?? "";
  const under = (title: string): string[] =>
    one(new RegExp(`^ {8}${title}: *\\n((?: {16}.*\\n?)*)`, "m"))
      .split("\n")
      .map((line) => line.trim())
      .filter((line) => line !== "" && line !== "(none)");
  const until = one(/^ {8}Valid: .*\bto (\S+)$/m);
  return {
    keyId: one(/^ {8}Key ID: "(.*)"$/m),
    serial: one(/^ {8}Serial: (\d+)$/m),
    principals: under("Principals"),
    until: until === "" ? null : new Date(`${until}Z`),
    criticalOptions: under("Critical Options"),
    extensions: under("Extensions"),
  };
}

/** Runs a program without a shell; a deadline ends it. */
export async function run(program: string, args: readonly string[], signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { env: surroundings, signal, killSignal: "SIGKILL" as const, maxBuffer: answerBytesMax };
    const child = execFile(program, args, options, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(failed(program, error, `${stdout}\n${stderr}`.trim()));
    });
    child.stdin?.end();
  });
}

function failed(program: string, error: Error & { code?: unknown }, said: string): ProviderError {
  if (error.name === "AbortError")
    return new ProviderError(
      "timeout",
      `${program} did not end in time`,
      "What it does may have happened: read back before trying again",
      error,
    );
  if (error.code === "ENOENT" || error.code === "EACCES")
    return new ProviderError(
      "not_found",
      `${program} cannot be run (${error.code})`,
      program === "ssh-keygen"
        ? "Install OpenSSH's client"
        : "Correct the path in its variable, and make it executable",
      error,
    );
  return new ProviderError(
    "rejected",
    `${program} failed: ${said.slice(0, 500) || "it said nothing"}`,
    "Read its words; check the key that signs: ssh-keygen's own form, no passphrase, readable by this user alone",
    // Without its cause, which repeats the whole command line.
  );
}
