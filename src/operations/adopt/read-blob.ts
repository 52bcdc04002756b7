import { basename } from "node:path/posix";
import { isFeedctlError, unpackError } from "../../errors.ts";
import type { Format, PackageFile } from "../../formats/format.ts";
import type { BlobInfo } from "../../stores/store.ts";
import type { Context } from "../context.ts";
import type { PackageReader } from "../import/package-reader.ts";
import type { PackageContent } from "../import/prepare-package.ts";
import { fileSource } from "../local-files/file-source.ts";
import type { ReadBlob } from "./adopt-batch.ts";
import type { LocalBlobs } from "./local-copies.ts";
import { unadopted, type AdoptedBlob } from "./outcome.ts";
import { plainName } from "./proget-escapes.ts";

export interface BlobReading {
  format: Format;
  local: LocalBlobs;
  reader: PackageReader;
  /** Where Debian packages belong whose keys do not tell. */
  distribution?: string | undefined;
  component?: string | undefined;
}

/** Reads a blob of a store as a package; a row's key is going to be the blob's own. */
export async function readBlob(
  context: Context,
  reading: BlobReading,
  blob: BlobInfo,
): Promise<ReadBlob | AdoptedBlob> {
  const { key, size } = blob;
  try {
    if (reading.format.readsNeighbours) await reading.local.neighbours(key);
    const path = await reading.local.path(blob);
    const item = await readUnderEitherName(reading, { path, size }, key);
    return { item: { ...item, key, source: fileSource(path, size) }, blob };
  } catch (error) {
    if (!isFeedctlError(error, "invalid", "not-found", "corrupt", "denied") || context.signal.aborted) throw error;
    return unadopted(key, error.code === "invalid" ? "invalid" : "failed", error.message, size);
  }
}

/** File names are hints; one that ProGet has escaped is tried as it is, and as it was before. */
async function readUnderEitherName(
  { format, reader, distribution, component }: BlobReading,
  file: Pick<PackageFile, "path" | "size">,
  key: string,
): Promise<PackageContent> {
  const name = basename(key);
  const place = format.place?.ofKey(key) ?? { distribution, component };
  const readAs = async (hint: string) => {
    const answer = await reader.read({ file: { ...file, name: hint }, path: key, type: format.type, ...place });
    if ("item" in answer) return answer.item;
    throw "problem" in answer ? unpackError(answer.problem) : new Error(`${key} was read as of no type`);
  };
  try {
    return await readAs(name);
  } catch (error) {
    const plain = plainName(name);
    if (!isFeedctlError(error, "invalid") || plain === name) throw error;
    return readAs(plain);
  }
}
