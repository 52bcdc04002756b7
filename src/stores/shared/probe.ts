// What every cloud is asked by trying: blobs below a folder of their own, which are deleted afterwards.
import { hash } from "node:crypto";
import { Readable } from "node:stream";
import { compareKeys, type Key } from "../../lib/key.ts";
import type { BlobSource, CallOptions, Store } from "../store.ts";

/** Names that come in another order where a server sorts by folders, by UTF-16 units or as a dictionary does. */
const NAMES = ["Z", "a-b", "a/b", "\uff5e", "\u{1f600}"];

/** The content of every probe. */
export const PROBE = Buffer.from("feedctl asks how this store works\n");
export const PROBE_MD5 = hash("md5", PROBE);

/** The keys of probes in `folder`, which ends in a slash. */
export function probeKeys(folder: string): Key[] {
  return NAMES.map((name) => (folder + name) as Key);
}

/** Stores the probes in `folder`. */
export async function storeProbes(store: Pick<Store, "put">, folder: string, { signal }: CallOptions): Promise<void> {
  const source: BlobSource = { size: PROBE.length, open: async () => Readable.from([PROBE]) };
  for (const key of probeKeys(folder))
    await store.put(key, source, { ifExists: "replace", replaces: false, sha256: hash("sha256", PROBE), signal });
}

/** Whether the probes are listed in UTF-8 byte order. `store` must not sort. */
export async function areProbesSorted(
  store: Pick<Store, "list">,
  folder: string,
  { signal }: CallOptions,
): Promise<boolean> {
  const listed: Key[] = [];
  for await (const { key } of store.list(folder, { signal })) listed.push(key);
  return listed.every((key, i) => i === 0 || compareKeys(listed[i - 1]!, key) < 0);
}
