import { open } from "node:fs/promises";
import { readTar, TarError } from "../../lib/archives/tar/read.ts";
import { isFeedctlError } from "../../errors.ts";
import type { PackageFile } from "../format.ts";
import { gunzipFile, type InflateLimits } from "./gzip.ts";
import { limits } from "../../lib/limits.ts";
import type { DecodeName } from "./name-encoding.ts";
import { beyondLimit, invalid } from "../read-package.ts";
import { tarError } from "./tar.ts";
import { zipEntries } from "./zip.ts";
import { unzstdFile } from "./zstd.ts";

export type ArchiveType = "zip" | "tar" | "tar.gz" | "tar.zst";

/** An entry as the archive describes it. None of it can be trusted. */
export interface ArchiveEntry {
  name: string;
  /** `other`: devices, pipes, and entries that tools interpret differently. */
  kind: "file" | "folder" | "link" | "other";
  /** As stated. */
  size: number;
  /** When it was last modified; undefined when the archive has no plausible time. */
  modified: Date | undefined;
  /** Its name is in an encoding that is not known. */
  foreignName: boolean;
  /** Why its bytes cannot be read; undefined when they can. */
  locked: string | undefined;
  /** The content. In a tar archive it can be read once, before the next entry is requested. */
  chunks(): AsyncGenerator<Uint8Array, void>;
}

export interface Archive {
  readonly type: ArchiveType;
  /** Whether entries can be read in any order, concurrently and repeatedly. */
  readonly random: boolean;
  /** One pass over the archive, from its beginning. */
  entries(): AsyncGenerator<ArchiveEntry, void>;
}

export interface ArchiveOptions {
  signal: AbortSignal;
  bounds: ArchiveLimits;
  /** Decodes names that are not marked as UTF-8. */
  decodeName?: DecodeName | undefined;
}

export type ArchiveLimits = { [K in keyof InflateLimits]: number };

/** Opens an archive, whose type is detected by its first bytes. Every error while reading it is `invalid`. */
export async function openArchive(file: PackageFile, options: ArchiveOptions): Promise<Archive> {
  const { signal, bounds } = options;
  const type = await typeOf(file.path);
  if (type === "zip") return { type, random: true, entries: () => fromZip(file, options) };
  const bytes = () => {
    if (type === "tar.gz") return gunzipFile(file, options, bounds);
    return type === "tar.zst" ? unzstdFile(file, options, bounds) : plain(file, signal);
  };
  return { type, random: false, entries: () => translated(fromTar(bytes(), options), signal) };
}

async function typeOf(path: string): Promise<ArchiveType> {
  await using handle = await open(path, "r");
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(512), 0, 512, 0);
  const hex = buffer.toString("hex", 0, 4);
  if (hex === "504b0304" || hex === "504b0506") return "zip";
  if (hex.startsWith("1f8b")) return "tar.gz";
  if (hex === "28b52ffd" || /^5[0-9a-f]2a4d18$/.test(hex)) return "tar.zst";
  if (buffer.toString("latin1", 257, 262) === "ustar") return "tar";
  throw invalid(bytesRead === 0 ? "the archive is empty" : "it is not a zip, tar.gz, tar.zst or tar archive");
}

async function* plain(file: PackageFile, signal: AbortSignal): AsyncGenerator<Buffer> {
  await using handle = await open(file.path, "r");
  for await (const chunk of handle.createReadStream({ highWaterMark: 64 * 1024, signal })) yield chunk as Buffer;
}

async function* fromZip(
  file: PackageFile,
  { signal, bounds, decodeName }: ArchiveOptions,
): AsyncGenerator<ArchiveEntry, void> {
  for await (const entry of zipEntries(file, { signal, limit: "assetArchiveEntries", decodeName })) {
    const name = entry.fromWindows ? entry.name.replaceAll("\\", "/") : entry.name;
    const folder = entry.directory || (name.endsWith("/") && entry.size === 0);
    yield {
      name,
      kind: folder ? "folder" : entry.link ? "link" : name.endsWith("/") ? "other" : "file",
      size: entry.size,
      modified: sane(entry.modified),
      foreignName: entry.foreignName || name.includes("\ufffd"),
      locked: entry.encrypted ? "is encrypted" : undefined,
      chunks: () => counted(entry.chunks(), bounds.inflated),
    };
  }
}

async function* counted(chunks: AsyncGenerator<Uint8Array>, most: number): AsyncGenerator<Uint8Array, void> {
  let total = 0;
  for await (const chunk of chunks) {
    total += chunk.length;
    if (total > most) throw beyondLimit("inflated", "it unpacks to", { most });
    yield chunk;
  }
}

async function* fromTar(
  bytes: AsyncIterable<Uint8Array>,
  { signal, decodeName }: ArchiveOptions,
): AsyncGenerator<ArchiveEntry, void> {
  const reading = { maxEntries: limits.assetArchiveEntries, maxExtension: limits.tarExtension, decodeName };
  for await (const entry of readTar(bytes, reading)) {
    const kinds = {
      file: "file",
      "sparse file": "other",
      directory: "folder",
      symlink: "link",
      hardlink: "link",
      other: "other",
    } as const;
    yield {
      name: entry.name,
      kind: kinds[entry.type],
      size: entry.size,
      modified: sane(entry.modified),
      foreignName: entry.name.includes("\ufffd"),
      locked: undefined,
      chunks: () => translated(entry.chunks(), signal),
    };
  }
}

/** Translates errors while reading: they are about the archive, unless they come from the system. */
async function* translated<T>(source: AsyncGenerator<T, void>, signal: AbortSignal): AsyncGenerator<T, void> {
  try {
    yield* source;
  } catch (error) {
    signal.throwIfAborted();
    throw archiveError(error);
  }
}

function archiveError(failure: unknown): unknown {
  const error = tarError(failure, "assetArchiveEntries");
  if (isFeedctlError(error)) return error;
  if (error instanceof TarError) return invalid(error.message, error);
  const { code, message } = error as NodeJS.ErrnoException;
  return code?.startsWith("Z_") || code?.startsWith("ZSTD_") || code === "ERR_TRAILING_JUNK_AFTER_STREAM_END"
    ? invalid(`its compressed data is damaged (${message})`, error)
    : error;
}

/** Drops implausible times: zip has none before 1980, and zero in a tar means that there is none. */
function sane(date: Date | undefined): Date | undefined {
  const year = date?.getUTCFullYear() ?? 0;
  return year >= 1980 && year <= 2107 ? date : undefined;
}
