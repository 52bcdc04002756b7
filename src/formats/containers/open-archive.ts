import { open } from "node:fs/promises";
import { readTar, TarError } from "../../lib/tar/read.ts";
import { isFeedctlError } from "../../errors.ts";
import type { PackageFile } from "../format.ts";
import { gunzipFile, type InflateLimits } from "./gzip.ts";
import { limits } from "../limits.ts";
import { invalid } from "../read-package.ts";
import { zipEntries } from "./zip.ts";
import { unzstdFile } from "./zstd.ts";

export type ArchiveType = "zip" | "tar" | "tar.gz" | "tar.zst";

/** What lies in an archive, as the archive tells it; nothing of it is to be trusted. */
export interface ArchiveEntry {
  name: string;
  /** `other`: devices, pipes, and what tools disagree on. */
  kind: "file" | "folder" | "link" | "other";
  /** As stated. */
  size: number;
  /** When it was last changed, where the archive tells a sane time. */
  modified: Date | undefined;
  /** Why its bytes cannot be had. */
  locked: string | undefined;
  /** The bytes. Of a tar archive once, and before the next entry is asked for. */
  chunks(): AsyncGenerator<Uint8Array, void>;
}

export interface Archive {
  readonly type: ArchiveType;
  /** Entries can be read in any order, side by side and again. */
  readonly random: boolean;
  /** One pass over the archive, from its beginning. */
  entries(): AsyncGenerator<ArchiveEntry, void>;
}

export type ArchiveLimits = { [K in keyof InflateLimits]: number } & { entries: number };

/** Tells an archive by its first bytes. Every error of reading it is `invalid`. */
export async function openArchive(file: PackageFile, signal: AbortSignal, bounds: ArchiveLimits): Promise<Archive> {
  const type = await typeOf(file.path);
  const options = { signal };
  if (type === "zip") return { type, random: true, entries: () => fromZip(file, signal, bounds) };
  const bytes = () => {
    if (type === "tar.gz") return gunzipFile(file, options, bounds);
    return type === "tar.zst" ? unzstdFile(file, options, bounds) : plain(file, signal);
  };
  return { type, random: false, entries: () => translated(fromTar(bytes(), bounds, signal), signal) };
}

async function typeOf(path: string): Promise<ArchiveType> {
  await using handle = await open(path, "r");
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(512), 0, 512, 0);
  const hex = buffer.toString("hex", 0, 4);
  if (hex === "504b0304" || hex === "504b0506") return "zip";
  if (hex.startsWith("1f8b")) return "tar.gz";
  if (hex === "28b52ffd" || /^5[0-9a-f]2a4d18$/.test(hex)) return "tar.zst";
  if (buffer.toString("latin1", 257, 262) === "ustar") return "tar";
  throw invalid(bytesRead === 0 ? "the archive is empty" : "it is no zip, tar.gz, tar.zst or tar archive");
}

async function* plain(file: PackageFile, signal: AbortSignal): AsyncGenerator<Buffer> {
  await using handle = await open(file.path, "r");
  for await (const chunk of handle.createReadStream({ highWaterMark: 64 * 1024, signal })) yield chunk as Buffer;
}

async function* fromZip(
  file: PackageFile,
  signal: AbortSignal,
  bounds: ArchiveLimits,
): AsyncGenerator<ArchiveEntry, void> {
  for await (const entry of zipEntries(file, { signal }, bounds.entries)) {
    yield {
      name: entry.name,
      kind: entry.directory ? "folder" : entry.link ? "link" : "file",
      size: entry.size,
      modified: sane(entry.modified),
      locked: entry.encrypted ? "is encrypted" : entry.foreignName ? "has a name in an unknown encoding" : undefined,
      chunks: () => counted(entry.chunks(), bounds.inflated),
    };
  }
}

async function* counted(chunks: AsyncGenerator<Uint8Array>, most: number): AsyncGenerator<Uint8Array, void> {
  let total = 0;
  for await (const chunk of chunks) {
    total += chunk.length;
    if (total > most) throw invalid(`it unpacks to more than ${most} bytes`);
    yield chunk;
  }
}

async function* fromTar(
  bytes: AsyncIterable<Uint8Array>,
  bounds: ArchiveLimits,
  signal: AbortSignal,
): AsyncGenerator<ArchiveEntry, void> {
  for await (const entry of readTar(bytes, { maxEntries: bounds.entries, maxExtension: limits.tarExtension })) {
    const kinds = { file: "file", directory: "folder", symlink: "link", hardlink: "link", other: "other" } as const;
    yield {
      name: entry.name,
      kind: kinds[entry.type],
      size: entry.size,
      modified: sane(entry.modified),
      // bytes that are no UTF-8: tools read them differently
      locked: entry.name.includes("\ufffd") ? "has a name in an unknown encoding" : undefined,
      chunks: () => translated(entry.chunks(), signal),
    };
  }
}

/** Whatever goes wrong while reading is about the archive, unless the system said so. */
async function* translated<T>(source: AsyncGenerator<T, void>, signal: AbortSignal): AsyncGenerator<T, void> {
  try {
    yield* source;
  } catch (error) {
    signal.throwIfAborted();
    throw archiveError(error);
  }
}

function archiveError(error: unknown): unknown {
  if (isFeedctlError(error)) return error;
  if (error instanceof TarError) return invalid(error.message, error);
  const { code, message } = error as NodeJS.ErrnoException;
  return code?.startsWith("Z_") || code?.startsWith("ZSTD_") || code === "ERR_TRAILING_JUNK_AFTER_STREAM_END"
    ? invalid(`its compressed data is damaged (${message})`, error)
    : error;
}

/** A zip knows times from 1980 on, and of a tar the zero means none; what is outside was never one. */
function sane(date: Date | undefined): Date | undefined {
  const year = date?.getUTCFullYear() ?? 0;
  return year >= 1980 && year <= 2107 ? date : undefined;
}
