import { basename } from "node:path/posix";
import { isFeedctlError, unpackError } from "../../errors.ts";
import type { Format, PackageFile } from "../../formats/format.ts";
import type { BlobInfo } from "../../stores/store.ts";
import type { Context } from "../context.ts";
import type { PackageReader } from "../import/package-reader.ts";
import type { PackageContent } from "../import/prepare-package.ts";
import { fileSource } from "../local-files/file-source.ts";
import type { PackageBlob } from "./adopt-batch.ts";
import type { LocalBlobs } from "./local-copies.ts";
import { blobOutcome, type AdoptedBlob } from "./outcome.ts";
import { plainName } from "./proget-escapes.ts";

export interface BlobReadOptions {
  format: Format;
  local: LocalBlobs;
  reader: PackageReader;
  /** For Debian packages whose keys do not contain their distribution and component. */
  distribution?: string | undefined;
  component?: string | undefined;
}

/** Reads a blob as a package, which keeps the blob's key. Returns a result instead when it could not be read as one. */
export async function readBlob(
  context: Context,
  reading: BlobReadOptions,
  blob: BlobInfo,
): Promise<PackageBlob | AdoptedBlob> {
  const { key, size } = blob;
  try {
    if (reading.format.readsNeighbours) await reading.local.neighbours(key);
    const path = await reading.local.path(blob);
    const item = await readUnderEitherName(reading, { path, size }, key);
    return { item: { ...item, key, source: fileSource(path, size) }, blob };
  } catch (error) {
    if (!isFeedctlError(error, "invalid", "not-found", "corrupt", "denied") || context.signal.aborted) throw error;
    return blobOutcome(key, error.code === "invalid" ? "invalid" : "failed", error.message, size);
  }
}

/** Reads the file with its name as a hint for the format; when that fails, with ProGet's escapes decoded. */
async function readUnderEitherName(
  { format, reader, distribution, component }: BlobReadOptions,
  file: Pick<PackageFile, "path" | "size">,
  key: string,
): Promise<PackageContent> {
  const name = basename(key);
  const place = format.place?.ofKey(key) ?? { distribution, component };
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
