import { createCipheriv, createDecipheriv, createHash, scrypt } from "node:crypto";

/**
 * Which key a value is sealed with. `v1`: the key itself, or until feedctl 0.1 the SHA-256 of a passphrase. `v2`: a key
 * that was derived from a passphrase with scrypt.
 */
export type SealVersion = "v1" | "v2";

export interface SealingKey {
  readonly version: SealVersion;
  /** 32 bytes. */
  readonly bytes: Buffer;
}

/**
 * AES-256-GCM (NIST SP 800-38D): `v1.<nonce>.<tag>.<ciphertext>`, base64url. `nonce` must be 12 new random bytes. `about`
 * is authenticated and not part of the result.
 */
export function seal(key: SealingKey, text: string, nonce: Buffer, about = ""): string {
  const cipher = createCipheriv("aes-256-gcm", key.bytes, nonce).setAAD(Buffer.from(about));
  const body = Buffer.concat([cipher.update(text, "utf8"), cipher.final()]);
  return [key.version, ...[nonce, cipher.getAuthTag(), body].map((part) => part.toString("base64url"))].join(".");
}

/** Decrypts the result of `seal`. Undefined: the key is wrong, or the text or what it is about was modified. */
export function unseal(key: SealingKey, sealed: string, about = ""): string | undefined {
  const [version, nonce, tag, body] = sealed.split(".");
  if (version !== key.version || nonce === undefined || tag === undefined || body === undefined) return undefined;
  try {
    const decipher = createDecipheriv("aes-256-gcm", key.bytes, Buffer.from(nonce, "base64url"), { authTagLength: 16 });
    decipher.setAAD(Buffer.from(about)).setAuthTag(Buffer.from(tag, "base64url"));
    return Buffer.concat([decipher.update(Buffer.from(body, "base64url")), decipher.final()]).toString("utf8");
  } catch {
    return undefined; // authentication failed; the reason must not be disclosed
  }
}

/** The version of a sealed text; undefined when it is none that this feedctl knows. */
export function sealVersion(sealed: string): SealVersion | undefined {
  const [version] = sealed.split(".", 1);
  return version === "v1" || version === "v2" ? version : undefined;
}

/** What a user provides to seal with: 64 hex digits, which are a key, or a passphrase. */
export interface SealingSecret {
  /** The version of new values. */
  readonly version: SealVersion;
  /** Why a passphrase is easily guessed; undefined for a good one and for a key. */
  readonly weakness: string | undefined;
  /** The key for values of `version`. `salt` is used for `v2` only. Derived once for each salt. */
  key(version: SealVersion, salt: Buffer): Promise<SealingKey>;
}

export function parseSecret(text: string): SealingSecret {
  if (/^[0-9a-fA-F]{64}$/.test(text)) {
    const bytes = Buffer.from(text, "hex");
    return { version: "v1", weakness: undefined, key: async (version) => ({ version, bytes }) };
  }
  const derived = new Map<string, Promise<Buffer>>();
  return {
    version: "v2",
    weakness: weaknessOf(text),
    async key(version, salt) {
      if (version === "v1") return { version, bytes: createHash("sha256").update(text).digest() };
      const name = salt.toString("hex");
      const known = derived.get(name) ?? deriveKey(text, salt);
      derived.set(name, known);
      return { version, bytes: await known };
    },
  };
}

/**
 * 128 MiB and a third of a second for each guess: OWASP's recommendation for scrypt
 * (https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html). Part of version `v2`.
 */
const cost = { N: 2 ** 17, r: 8, p: 1, maxmem: 256 * 1024 * 1024 };

function deriveKey(passphrase: string, salt: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(passphrase, salt, 32, cost, (error, key) => (error === null ? resolve(key) : reject(error)));
  });
}

const SHORT = 16;
const FEW = 8;

function weaknessOf(passphrase: string): string | undefined {
  const letters = Array.from(passphrase);
  if (letters.length < SHORT) return `it has only ${letters.length} characters`;
  const distinct = new Set(letters).size;
  return distinct < FEW ? `it repeats ${distinct === 1 ? "one character" : `${distinct} characters`}` : undefined;
}
