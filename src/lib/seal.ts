import { createCipheriv, createDecipheriv, createHash } from "node:crypto";

const VERSION = "v1";

/** AES-256-GCM (NIST SP 800-38D): `v1.<nonce>.<tag>.<ciphertext>`, base64url. `nonce` must be 12 new random bytes. */
export function seal(key: Buffer, text: string, nonce: Buffer): string {
  const cipher = createCipheriv("aes-256-gcm", key, nonce);
  const body = Buffer.concat([cipher.update(text, "utf8"), cipher.final()]);
  return [VERSION, ...[nonce, cipher.getAuthTag(), body].map((part) => part.toString("base64url"))].join(".");
}

/** Decrypts the result of `seal`. Undefined: the key is wrong or the text was modified. */
export function unseal(key: Buffer, sealed: string): string | undefined {
  const [version, nonce, tag, body] = sealed.split(".");
  if (version !== VERSION || nonce === undefined || tag === undefined || body === undefined) return undefined;
  try {
    const decipher = createDecipheriv("aes-256-gcm", key, Buffer.from(nonce, "base64url"), { authTagLength: 16 });
    decipher.setAuthTag(Buffer.from(tag, "base64url"));
    return Buffer.concat([decipher.update(Buffer.from(body, "base64url")), decipher.final()]).toString("utf8");
  } catch {
    return undefined; // authentication failed; the reason must not be disclosed
  }
}

/** Derives a key of 32 bytes: 64 hex digits are decoded, other text is hashed with SHA-256. */
export function keyFromText(text: string): Buffer {
  return /^[0-9a-fA-F]{64}$/.test(text) ? Buffer.from(text, "hex") : createHash("sha256").update(text).digest();
}
