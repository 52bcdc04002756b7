import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { basename } from "node:path";
import { createGunzip } from "node:zlib";
import { FeedctlError } from "../../errors.ts";
import { bunzip2File } from "../../formats/containers/bzip2.ts";
import { unzstdFile } from "../../formats/containers/zstd.ts";
import type { PackageFile } from "../../formats/format.ts";
import { limits } from "../../lib/limits.ts";
import { isDirective } from "./formats/log-reader.ts";

/** Whole lines of a log, decompressed; or a part of a line that is longer than the limit. */
export interface LogPiece {
  bytes: Buffer;
  /** True for the last line when it lacks its newline. */
  isOpen: boolean;
}

const CHUNK = 1024 * 1024;

/** Logs of repeated requests compress better than anything else, and are read in pieces: only memory is limited. */
const unlimited = { inflated: Infinity, ratio: Infinity, ratioFrom: Infinity };

/** The contents of a log, decompressed by its first bytes. Rejects with `invalid` for damaged and other compressed data. */
async function* contents(file: string): AsyncGenerator<Buffer> {
  const { head, size } = await beginning(file);
  const packed: PackageFile = { path: file, size, name: basename(file) };
  if (head.startsWith("1f8b")) return yield* gunzip(file);
  if (head.startsWith("28b52ffd")) return yield* unzstdFile(packed, {}, unlimited);
  // a text may begin with BZh1: the number of pi that begins a block, or of its square root that ends the data, decides
  if (/^425a683[1-9](314159265359|177245385090)/.test(head)) return yield* bunzip2File(packed, {}, unlimited);
  if (head.startsWith("fd377a585a00") || head.startsWith("504b0304"))
    throw new FeedctlError("invalid", "logs compressed with xz or zip cannot be read; unpack it first");
  const plain = createReadStream(file, { highWaterMark: CHUNK }) as AsyncIterable<Buffer>;
  if (head.startsWith("fffe")) return yield* utf16(plain, "utf-16le");
  if (head.startsWith("feff")) return yield* utf16(plain, "utf-16be");
  yield* plain;
}

/** The same text in UTF-8: Windows PowerShell writes UTF-16. */
async function* utf16(chunks: AsyncIterable<Buffer>, encoding: "utf-16le" | "utf-16be"): AsyncGenerator<Buffer> {
  const decoder = new TextDecoder(encoding);
  for await (const chunk of chunks) yield Buffer.from(decoder.decode(chunk, { stream: true }));
  yield Buffer.from(decoder.decode());
}

async function* gunzip(file: string): AsyncGenerator<Buffer> {
  const stream = createReadStream(file, { highWaterMark: CHUNK });
  const unpacked = createGunzip({ chunkSize: CHUNK });
  stream.on("error", (error) => unpacked.destroy(error));
  yield* stream.pipe(unpacked) as AsyncIterable<Buffer>;
}

/** The first ten bytes in hex, and the size. */
async function beginning(file: string): Promise<{ head: string; size: number }> {
  await using handle = await open(file);
  const { bytesRead, buffer } = await handle.read(Buffer.alloc(10), 0, 10, 0);
  return { head: buffer.toString("hex", 0, bytesRead), size: (await handle.stat()).size };
}

/** Yields the log in pieces that end with a newline; the last one may lack it. */
export async function* logPieces(file: string): AsyncGenerator<LogPiece> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of contents(file)) {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const end = bytes.lastIndexOf(10) + 1;
    if (end === 0 && bytes.length < limits.logLine) {
      rest = bytes;
      continue;
    }
    const cut = end === 0 ? bytes.length : end;
    yield { bytes: bytes.subarray(0, cut), isOpen: false };
    rest = Buffer.from(bytes.subarray(cut));
  }
  if (rest.length > 0) yield { bytes: rest, isOpen: true };
}

/** What identifies a log after it has grown, was renamed or compressed: its first line. */
export interface LogStart {
  /** SHA-256 of the first line that is not a directive (all logs of a server begin with the same ones), hex. */
  head: string;
  /** Where this line ends. A shorter log may be this one when its first line was not complete. */
  end: number;
}

/** How much of the first line identifies a log. Lines longer than the limit come in parts of varying size. */
const HEAD = 64 * 1024;

export async function readStart(file: string): Promise<LogStart> {
  let offset = 0;
  let first: Buffer = Buffer.alloc(0);
  pieces: for await (const { bytes } of logPieces(file)) {
    for (let start = 0; start < bytes.length;) {
      const newline = bytes.indexOf(10, start);
      const line = bytes.subarray(start, newline < 0 ? bytes.length : newline);
      start += line.length + 1;
      if (isDirective(line.toString("latin1", 0, 32).replace(/^\u00ef\u00bb\u00bf/, ""))) continue;
      first = line.subarray(0, HEAD);
      offset += start;
      break pieces;
    }
    offset += bytes.length;
  }
  return { head: createHash("sha256").update(first).digest("hex"), end: offset };
}

/**
 * The longest of the known prefixes (length and SHA-256, sorted by length) that the log starts with; undefined when it
 * starts with none.
 */
export async function prefixHash<T extends { bytes: number; sha256: string }>(
  file: string,
  known: readonly T[],
): Promise<T | undefined> {
  if (known.length === 0) return undefined;
  const hash = createHash("sha256");
  const left = [...known];
  let offset = 0;
  let found: T | undefined;
  for await (const chunk of contents(file)) {
    let at = 0;
    for (let next = left[0]; next !== undefined && next.bytes <= offset + chunk.length; next = left[0]) {
      hash.update(chunk.subarray(at, next.bytes - offset));
      at = next.bytes - offset;
      if (hash.copy().digest("hex") === next.sha256) found = next;
      left.shift();
    }
    if (left.length === 0) break;
    hash.update(chunk.subarray(at));
    offset += chunk.length;
  }
  return found;
}
