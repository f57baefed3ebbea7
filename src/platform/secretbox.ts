import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  hkdfSync,
  randomBytes,
  timingSafeEqual,
} from "node:crypto";

/**
 * Encryption and signing with keys derived (HKDF-SHA256) from one 32-byte key, a purpose each. Sealed form:
 * 12 bytes nonce, 16 bytes tag, ciphertext (AES-256-GCM); the id it is stored under is authenticated with it.
 */
export class SecretBox {
  readonly #sealKey: Buffer;
  readonly #signKey: Buffer;

  constructor(keyHex: string) {
    const key = Buffer.from(keyHex, "hex");
    if (key.length !== 32)
      throw new RangeError(
        "ENCRYPTION_KEY must be 32 bytes in hex (64 characters); make one with: openssl rand -hex 32",
      );
    const derive = (purpose: string) => Buffer.from(hkdfSync("sha256", key, Buffer.alloc(0), purpose, 32));
    this.#sealKey = derive("quarterdeck seal v1");
    this.#signKey = derive("quarterdeck sign v1");
  }

  seal(id: string, plaintext: string): Buffer {
    const nonce = randomBytes(12);
    const cipher = createCipheriv("aes-256-gcm", this.#sealKey, nonce);
    cipher.setAAD(Buffer.from(id));
    const body = Buffer.concat([cipher.update(plaintext, "utf8"), cipher.final()]);
    return Buffer.concat([nonce, cipher.getAuthTag(), body]);
  }

  /** Throws when the bytes, the id or the key differ from those it was sealed with. */
  open(id: string, sealed: Buffer): string {
    const decipher = createDecipheriv("aes-256-gcm", this.#sealKey, sealed.subarray(0, 12));
    decipher.setAAD(Buffer.from(id));
    decipher.setAuthTag(sealed.subarray(12, 28));
    return Buffer.concat([decipher.update(sealed.subarray(28)), decipher.final()]).toString("utf8");
  }

  sign(text: string): string {
    return createHmac("sha256", this.#signKey).update(text).digest("base64url");
  }

  isSigned(text: string, signature: string): boolean {
    const expected = Buffer.from(this.sign(text));
    const given = Buffer.from(signature);
    return expected.length === given.length && timingSafeEqual(expected, given);
  }
}
