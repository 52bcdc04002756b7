import { createWriteStream } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { isFeedctlError } from "../../errors.ts";
import { makeFolders } from "../../lib/files/make-folders.ts";
import type { Key } from "../../lib/key.ts";
import type { BlobInfo, Store } from "../../stores/store.ts";

/** Provides blobs as local files, at paths that end with their keys. */
export interface LocalBlobs extends AsyncDisposable {
  /** Path of the blob itself in a disk store, else of a temporary copy, which is deleted on dispose. */
  path(blob: BlobInfo): Promise<string>;
  /** Also provides the other blobs of the key's folder, for formats that read them. Large ones are left out. */
  neighbours(key: Key): Promise<void>;
}

/** Formats read only small neighbours: poms, manifests, checksums, charts. */
const LARGEST_NEIGHBOUR = 16 * 1024 * 1024;
const MOST_NEIGHBOURS = 1000;

export function openLocalBlobs(store: Store, signal: AbortSignal): LocalBlobs {
  const { localPath } = store;
  if (localPath !== undefined)
    return {
      path: async (blob) => localPath.call(store, blob.key),
      async neighbours() {},
      async [Symbol.asyncDispose]() {},
    };
  let folder: Promise<string> | undefined;
  const copies = new Map<Key, Promise<string>>();
  const folders = new Map<string, Promise<void>>();

  async function copy(blob: BlobInfo): Promise<string> {
    const path = join(await (folder ??= mkdtemp(join(tmpdir(), "feedctl-adopt-"))), ...blob.key.split("/"));
    await makeFolders(dirname(path));
    const body = await store.get(blob.key, { signal, known: blob });
    await pipeline(body, createWriteStream(path, { mode: 0o600 }), { signal });
    return path;
  }

  const path = (blob: BlobInfo): Promise<string> => {
    const known = copies.get(blob.key) ?? copy(blob);
    copies.set(blob.key, known);
    return known;
  };

  async function copyFolder(prefix: string): Promise<void> {
    let left = MOST_NEIGHBOURS;
    for await (const blob of store.list(prefix, { signal })) {
      if (left-- === 0) return;
      if (blob.key.slice(prefix.length).includes("/") || blob.size > LARGEST_NEIGHBOUR) continue;
      // it was deleted after it was listed, or cannot be read
      await path(blob).catch((error: unknown) => {
        if (!isFeedctlError(error, "not-found", "corrupt") && !(isFeedctlError(error) && error.blobOnly)) throw error;
      });
    }
  }

  return {
    path,
    async neighbours(key) {
      const prefix = key.slice(0, key.lastIndexOf("/") + 1);
      const known = folders.get(prefix) ?? copyFolder(prefix);
      folders.set(prefix, known);
      await known;
    },
    async [Symbol.asyncDispose]() {
      await Promise.allSettled([...copies.values(), ...folders.values()]);
      if (folder !== undefined) await rm(await folder, { recursive: true, force: true });
    },
  };
}
