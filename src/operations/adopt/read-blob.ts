import { basename } from "node:path/posix";
import { isFeedctlError, isUnreadableBlob, unpackError } from "../../errors.ts";
import type { Format, PackageFile } from "../../formats/format.ts";
import type { Key } from "../../lib/key.ts";
import { parseKey } from "../../stores/key.ts";
import type { BlobInfo, Store } from "../../stores/store.ts";
import type { Context } from "../context.ts";
import type { PackageReader } from "../import/package-reader.ts";
import type { PackageContent } from "../import/prepare-package.ts";
import { isWellNamed } from "../import/well-named.ts";
import { fileSource } from "../local-files/file-source.ts";
import type { PackageBlob } from "./adopt-batch.ts";
import type { LocalBlobs } from "./local-copies.ts";
import { blobOutcome, type AdoptedBlob } from "./outcome.ts";
import { plainName } from "./proget-escapes.ts";

export interface BlobReadOptions {
  store: Store;
  format: Format;
  local: LocalBlobs;
  reader: PackageReader;
  /** For Debian packages. Undefined: as in the key, if it has the form of a canonical one; else the default. */
  distribution?: string | undefined;
  component?: string | undefined;
}

/** Reads a blob as a package, which keeps the blob's key. Returns a result instead when it could not be read as one. */
export async function readBlob(
  context: Context,
  reading: BlobReadOptions,
  blob: BlobInfo,
): Promise<(PackageBlob & { isCopy: boolean }) | AdoptedBlob> {
  const { key, size } = blob;
  try {
    if (reading.format.readsNeighbours) await reading.local.neighbours(key);
    const path = await reading.local.path(blob);
    const item = await readUnderEitherName(reading, { path, size }, key);
    const isCopy = await mayBeCopy(context, reading.store, item, key);
    return { item: { ...item, key, source: fileSource(path, size) }, blob, isCopy };
  } catch (error) {
    if (!isUnreadableBlob(error) || context.signal.aborted) throw error;
    return blobOutcome(key, error.code === "invalid" ? "invalid" : "failed", error.message, size);
  }
}

/**
 * Whether another blob of the store may be the package itself, of which this one is a copy: it has a wrong name, or there
 * is a blob at the canonical key.
 */
async function mayBeCopy({ signal }: Context, store: Store, { identity }: PackageContent, key: Key): Promise<boolean> {
  const plain = plainName(key);
  if (identity.key === key || identity.key === plain) return false;
  return (
    !isWellNamed(identity, basename(plain)) || (await store.head(parseKey(identity.key), { signal })) !== undefined
  );
}

/** Reads the file with its name as a hint for the format; when that fails, with ProGet's escapes decoded. */
async function readUnderEitherName(
  { format, reader, distribution, component }: BlobReadOptions,
  file: Pick<PackageFile, "path" | "size">,
  key: string,
): Promise<PackageContent> {
  const name = basename(key);
  // what the administrator says wins over what the key seems to say
  const guess = format.place?.ofKey(key);
  const place = { distribution: distribution ?? guess?.distribution, component: component ?? guess?.component };
  const readAs = async (hint: string) => {
    const answer = await reader.read({ file: { ...file, name: hint }, path: key, type: format.type, ...place });
    if ("item" in answer) return answer.item;
    throw "problem" in answer ? unpackError(answer.problem) : new Error(`${key} was read as a file of no type`);
  };
  try {
    return await readAs(name);
  } catch (error) {
    const plain = plainName(name);
    if (!isFeedctlError(error, "invalid") || plain === name) throw error;
    return readAs(plain);
  }
}
