/** Keys of seals. The private one stands in a file outside the database; public ones of earlier keys in a folder. */
import { createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { keyIdOf } from "./seal.ts";

export class KeyFileError extends Error {
  readonly code = "audit_key";
  constructor(
    message: string,
    readonly hint: string,
    cause?: unknown,
  ) {
    super(message, { cause });
  }
}

/** The key that signs, read once when it is first asked for; undefined where none is set. */
export function signingKeyOf(settings: {
  AUDIT_SIGNING_KEY_FILE?: string | undefined;
}): () => Promise<KeyObject | undefined> {
  const path = settings.AUDIT_SIGNING_KEY_FILE;
  let read: Promise<KeyObject | undefined> | undefined;
  return () => {
    read ??= path === undefined ? Promise.resolve(undefined) : readSigningKey(path);
    return read;
  };
}

/** Reads an Ed25519 key in PEM (PKCS#8). Throws {@link KeyFileError}. */
export async function readSigningKey(path: string): Promise<KeyObject> {
  return ed25519(path, createPrivateKey, "a private key in PEM (PKCS#8)");
}

/** Public keys by id: the signing key's own, and each `*.pem` of the folder. A folder that is not there has none. */
export async function readPublicKeys(places: {
  signingKeyFile?: string | undefined;
  folder?: string | undefined;
}): Promise<Map<string, KeyObject>> {
  const { signingKeyFile, folder } = places;
  const keys: KeyObject[] = [];
  if (signingKeyFile !== undefined) keys.push(createPublicKey(await readSigningKey(signingKeyFile)));
  const names = folder === undefined ? [] : await pemsOf(folder);
  for (const name of names) keys.push(await readPublicKey(join(folder as string, name)));
  return new Map(keys.map((key) => [keyIdOf(key), key]));
}

/** Reads a public key in PEM; of a private key its public half. Throws {@link KeyFileError}. */
export function readPublicKey(path: string): Promise<KeyObject> {
  return ed25519(path, createPublicKey, "a public key in PEM (SubjectPublicKeyInfo)");
}

export const publicPem = (key: KeyObject): string =>
  (key.type === "private" ? createPublicKey(key) : key).export({ type: "spki", format: "pem" }).toString();

async function pemsOf(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).filter((name) => name.endsWith(".pem")).sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

async function ed25519(path: string, read: (pem: string) => KeyObject, what: string): Promise<KeyObject> {
  const hint = `It must hold ${what} of an Ed25519 key, made by \`openssl genpkey -algorithm ed25519\`, readable by this account alone.`;
  let key: KeyObject;
  try {
    key = read(await readFile(path, "utf8"));
  } catch (cause) {
    throw new KeyFileError(
      `The audit's key ${path} cannot be read: ${(cause as Error).message}.`,
      hint,
      cause,
    );
  }
  if (key.asymmetricKeyType !== "ed25519")
    throw new KeyFileError(`The audit's key ${path} is of kind ${key.asymmetricKeyType}.`, hint);
  return key;
}
