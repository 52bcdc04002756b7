import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import { FeedctlError } from "../../errors.ts";
import type { BlobInfo, GetOptions } from "../store.ts";

/** Compares the bytes of a whole blob with a hash that its provider knows. */
export interface HashCheck {
  update(chunk: Uint8Array): void;
  /** Throws `corrupt` if other bytes arrived. */
  end(): void;
}

/**
 * A check by the strongest hash that is known of a blob and that the caller does not compare itself. Undefined: there is
 * none, so that only the caller can find damage.
 */
export function checkOf(blob: BlobInfo, compared: GetOptions["compared"]): HashCheck | undefined {
  if (compared === "all" || (compared === "sha256" && blob.sha256 !== undefined)) return undefined;
  const { sha256, md5, checksums = {} } = blob;
  const known = { sha256, md5, sha1: checksums.sha1, crc32: checksums.crc32 };
  const names = ["sha256", "md5", "sha1", "crc32"] as const;
  const name = names.find((each) => known[each] !== undefined);
  if (name === undefined) return undefined;
  const hash = name === "crc32" ? createCrc32() : createHash(name);
  return {
    update: (chunk) => void hash.update(chunk),
    end() {
      const found = hash.digest("hex");
      if (found === known[name]) return;
      const what = `cannot read ${JSON.stringify(blob.key)}: the bytes that arrived are not those that were stored`;
      throw new FeedctlError("corrupt", `${what} (${name} ${found} instead of ${known[name]})`, {
        hint: "the stored bytes or the transfer are damaged; restore the blob from another copy if it stays so",
      });
    },
  };
}

/** Returns the chunks of `next` one later, so that the last one is delivered only after the whole is proven. */
export function heldBack(next: () => Promise<Buffer | null>, check: HashCheck): () => Promise<Buffer | null> {
  let held: Buffer | null | undefined;
  return async () => {
    while (held !== null) {
      const before = held;
      held = await next();
      if (held === null) check.end();
      else check.update(held);
      if (before !== undefined) return before;
    }
    return null;
  };
}

function createCrc32() {
  let value = 0;
  return {
    update: (chunk: Uint8Array) => (value = crc32(chunk, value)),
    digest: (_: "hex") => value.toString(16).padStart(8, "0"),
  };
}
