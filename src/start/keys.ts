import { generateKeyPairSync, randomBytes } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname } from "node:path";

/** A key kept in a file of mode 600; made at the first start. Hex, `bytes` long. */
export async function keptKey(path: string, bytes: number): Promise<string> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const made = randomBytes(bytes).toString("hex");
  try {
    await writeFile(path, `${made}\n`, { mode: 0o600, flag: "wx" });
    return made;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    return (await readFile(path, "utf8")).trim();
  }
}

/**
 * File (mode 600) with the Ed25519 key that signs the audit's seals; made at the first start. Its public half stands
 * beside it (`audit-signing.pub.pem`), to be given to whoever verifies.
 */
export async function keptSigningKey(path: string): Promise<string> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  try {
    await writeFile(path, privateKey.export({ type: "pkcs8", format: "pem" }), { mode: 0o600, flag: "wx" });
    await writeFile(path.replace(/\.pem$/, ".pub.pem"), publicKey.export({ type: "spki", format: "pem" }));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
  return path;
}
