import { createReadStream } from "node:fs";
import { Readable } from "node:stream";
import type { RecordedFile } from "../../catalog/recorded-files.ts";
import type { Format, PackageFile, PackageIdentity, ReadOptions } from "../../formats/format.ts";
import { openWholeCheck } from "../../formats/whole-check.ts";
import { createHasher, hashBytes, type Hashes } from "../../lib/bytes/hash.ts";
import { descriptorPath } from "../../lib/files/open-folder.ts";
import { readSmall } from "../../lib/files/read-small.ts";
import type { Key } from "../../lib/key.ts";
import { parseKey } from "../../stores/key.ts";
import type { BlobSource } from "../../stores/store.ts";
import { changedFile, openMarked } from "../local-files/file-mark.ts";
import { CHUNK, fileError, fileSource } from "../local-files/file-source.ts";
import type { FoundFile } from "../local-files/found-file.ts";

/** The identity and hashes of a package file. */
export interface PackageContent {
  /** Its path as shown in messages. */
  path: string;
  identity: PackageIdentity;
  key: Key;
  hashes: Hashes;
}

/** A package file that can be stored. */
export interface PreparedPackage extends PackageContent {
  source: BlobSource;
  /** The local source file; undefined for a blob that is adopted in the store. */
  found?: FoundFile | undefined;
  /** Its publish date. Default: now. */
  publishedAt?: Date | undefined;
}

/** Reads a whole file; `size` is its expected length in bytes. */
export type ReadBytes = (path: string, size: number) => Promise<Buffer> | Buffer;

/**
 * Reads identity and hashes. Rejects with `invalid` for a bad package, `not-found` or `denied` for an unreadable file.
 */
export async function preparePackage(
  format: Format,
  file: PackageFile,
  shownAs: string,
  { readBytes = readSmall, ...options }: ReadOptions & { readBytes?: ReadBytes | undefined },
): Promise<PackageContent> {
  const { signal } = options;
  try {
    // a small file is read only once, so that identity and hashes come from the same bytes
    const bytes = file.size <= CHUNK ? await readWhole(file, readBytes) : undefined;
    const identity = await format.read({ ...file, bytes }, options);
    const check = await openWholeCheck(format, { ...file, bytes }, options);
    const { hashes, warnings } = await hashThrough({ ...file, bytes }, check?.read ?? drain, signal);
    return {
      path: shownAs,
      identity: { ...identity, metadata: clean(identity.metadata), warnings: [...identity.warnings, ...warnings] },
      key: parseKey(identity.key),
      hashes,
    };
  } catch (error) {
    throw fileError(error);
  }
}

/** Prepares a file from its row, without reading its manifest. Undefined when the file has other bytes than the row. */
export async function prepareRecorded(
  row: RecordedFile,
  { file, path, mark }: FoundFile,
  signal: AbortSignal,
): Promise<PreparedPackage | undefined> {
  if (file.size !== row.size) return undefined;
  try {
    await using handle = await openMarked(file.path, mark);
    const opened = { ...file, path: descriptorPath(handle.fd, file.path) };
    const { hashes } = await hashThrough(opened, drain, signal);
    if (hashes.sha256 !== row.sha256) return undefined;
    const identity = { ...row, sortKey: Buffer.from(row.sortKey, "hex"), warnings: [] };
    return { path, identity, key: row.key, hashes, source: fileSource(file.path, file.size, mark) };
  } catch (error) {
    throw fileError(error);
  }
}

async function readWhole({ path, size }: PackageFile, readBytes: ReadBytes): Promise<Buffer> {
  const bytes = await readBytes(path, size);
  if (bytes.length === size) return bytes;
  throw changedFile();
}

/** Reads all chunks, and returns warnings. */
type ReadAll = (chunks: AsyncIterable<Uint8Array>) => Promise<string[]>;

const drain: ReadAll = async (chunks) => {
  for await (const _ of chunks);
  return [];
};

/** Hashes a file, whose bytes pass through `read` in the same pass. */
async function hashThrough(
  { path, size, bytes }: PackageFile,
  read: ReadAll,
  signal: AbortSignal | undefined,
): Promise<{ hashes: Hashes; warnings: string[] }> {
  if (bytes !== undefined) return { hashes: hashBytes(bytes), warnings: await read(Readable.from([bytes])) };
  const stream = createReadStream(path, { highWaterMark: CHUNK, ...(signal && { signal }) });
  const hasher = createHasher();
  const hashed = async function* () {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      hasher.update(chunk);
      yield chunk;
    }
  };
  const warnings = await read(hashed());
  if (hasher.size === size) return { hashes: hasher.digest(), warnings };
  throw changedFile();
}

/** Removes NUL characters and replaces lone surrogates: a JSON column of PostgreSQL cannot hold them. */
function clean(metadata: Record<string, unknown>): Record<string, unknown> {
  return JSON.parse(JSON.stringify(metadata), (_, value: unknown) =>
    typeof value === "string" ? value.replaceAll("\0", "").toWellFormed() : value,
  ) as Record<string, unknown>;
}
