import { createHash, hash, type Hash } from "node:crypto";

/** Lower-case hex. */
export interface Hashes {
  md5: string;
  sha1: string;
  sha256: string;
  sha512: string;
}

const names = ["md5", "sha1", "sha256", "sha512"] as const;

export function hashBytes(bytes: Uint8Array): Hashes {
  const [md5 = "", sha1 = "", sha256 = "", sha512 = ""] = names.map((name) => hash(name, bytes));
  return { md5, sha1, sha256, sha512 };
}

export interface Hasher {
  update(chunk: Uint8Array): void;
  digest(): Hashes;
  /** Bytes so far. */
  readonly size: number;
}

/** Computes all four hashes in one pass. */
export function createHasher(): Hasher {
  const hashes: Hash[] = names.map((name) => createHash(name));
  let size = 0;
  return {
    update(chunk) {
      size += chunk.length;
      for (const each of hashes) each.update(chunk);
    },
    digest() {
      const [md5 = "", sha1 = "", sha256 = "", sha512 = ""] = hashes.map((each) => each.digest("hex"));
      return { md5, sha1, sha256, sha512 };
    },
    get size() {
      return size;
    },
  };
}

/** Reads a stream to its end. Calls `onChunk` with every chunk. `size` is in bytes. */
export async function hashStream(
  stream: AsyncIterable<unknown>,
  onChunk?: (chunk: Uint8Array) => void,
): Promise<Hashes & { size: number }> {
  const all = createHasher();
  for await (const chunk of stream) {
    all.update(chunk as Uint8Array);
    onChunk?.(chunk as Uint8Array);
  }
  return { ...all.digest(), size: all.size };
}
