import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import { FeedctlError } from "../errors.ts";
import { createCrc32c, createCrc64Nvme } from "../lib/bytes/crc.ts";
import type { HashCheck } from "./hash-check.ts";
import type { BlobInfo, GetOptions } from "./store.ts";

/**
 * A check by the strongest hash that is known of a blob and that the caller does not compare itself. Undefined: there is
 * none, so that only the caller can find damage.
 */
export function checkOf(blob: BlobInfo, compared: GetOptions["compared"]): HashCheck | undefined {
  if (compared === "all" || (compared === "sha256" && blob.sha256 !== undefined)) return undefined;
  const { sha256, md5, checksums = {} } = blob;
  const known = { sha256, md5, ...checksums };
  const name = STRONGEST_FIRST.find((each) => known[each] !== undefined);
  if (name === undefined) return undefined;
  const hash = hashers[name]();
  return {
    update: (chunk) => hash.update(chunk),
    end() {
      const found = hash.digest();
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

function hasher(name: string) {
  const hash = createHash(name);
  return { update: (chunk: Uint8Array): void => void hash.update(chunk), digest: () => hash.digest("hex") };
}

function createCrc32() {
  let value = 0;
  return {
    update(chunk: Uint8Array): void {
      value = crc32(chunk, value);
    },
    digest: () => value.toString(16).padStart(8, "0"),
  };
}

const hashers = {
  sha256: () => hasher("sha256"),
  md5: () => hasher("md5"),
  sha1: () => hasher("sha1"),
  crc64nvme: createCrc64Nvme,
  crc32c: createCrc32c,
  crc32: createCrc32,
};
const STRONGEST_FIRST = Object.keys(hashers) as (keyof typeof hashers)[];
