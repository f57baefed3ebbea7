import { createHash, createHmac, pbkdf2 } from "node:crypto";
import { promisify } from "node:util";

/** Iterations Postgres itself uses. Source: PostgreSQL docs, `scram_iterations`. */
export const scramIterations = 4096;
/** Salt length Postgres itself uses, in bytes. Source: PostgreSQL, scram-common.h. */
export const scramSaltBytes = 16;

const derive = promisify(pbkdf2);
const keyBytes = 32;

const hmac = (key: Buffer, text: string): Buffer => createHmac("sha256", key).update(text).digest();

/**
 * What Postgres stores for a password, made here so that the password never reaches the server or its log:
 * `SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>`. Source: PostgreSQL docs, pg_authid; RFC 5803, RFC 7677.
 *
 * Throws a RangeError for anything but printable ASCII: other text would first need SASLprep (RFC 4013).
 */
export async function scramVerifier(
  password: string,
  salt: Buffer,
  iterations = scramIterations,
): Promise<string> {
  if (!/^[\x20-\x7e]+$/.test(password))
    throw new RangeError("A password must be printable ASCII, one character at least");
  const salted = await derive(password, salt, iterations, keyBytes, "sha256");
  const storedKey = createHash("sha256").update(hmac(salted, "Client Key")).digest();
  const serverKey = hmac(salted, "Server Key");
  return `SCRAM-SHA-256$${iterations}:${salt.toString("base64")}$${storedKey.toString("base64")}:${serverKey.toString("base64")}`;
}
