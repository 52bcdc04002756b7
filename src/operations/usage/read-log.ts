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

/** Whole lines of a log, decompressed. */
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
  yield* createReadStream(file, { highWaterMark: CHUNK }) as AsyncIterable<Buffer>;
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

/**
 * The first line identifies a log after it has grown, was renamed or compressed. Lines that begin with `#` are skipped:
 * the logs of a server all begin with the same. Empty for a log without other lines.
 */
export async function firstLine(file: string): Promise<Buffer> {
  for await (const { bytes } of logPieces(file)) {
    for (let start = 0; start < bytes.length;) {
      const end = bytes.indexOf(10, start);
      const line = bytes.subarray(start, end < 0 ? bytes.length : end);
      if (!isDirective(line)) return line;
      start += line.length + 1;
    }
  }
  return Buffer.alloc(0);
}

/** Whether the line begins with `#`, also after a byte order mark. */
function isDirective(line: Buffer): boolean {
  return line[line.subarray(0, BOM.length).equals(BOM) ? BOM.length : 0] === 0x23;
}

const BOM = Buffer.from("\u{feff}");

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
