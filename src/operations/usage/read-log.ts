import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { createGunzip } from "node:zlib";
import { limits } from "../../lib/limits.ts";

/** Whole lines of a log, decompressed. */
export interface LogPiece {
  bytes: Buffer;
  /** True for the last line when it lacks its newline. */
  isOpen: boolean;
}

const CHUNK = 1024 * 1024;

/** The contents of a log, decompressed when its first bytes are those of gzip. */
async function* contents(file: string): AsyncGenerator<Buffer> {
  const packed = await isGzip(file);
  const stream = createReadStream(file, { highWaterMark: CHUNK });
  if (!packed) return yield* stream as AsyncIterable<Buffer>;
  const unpacked = createGunzip({ chunkSize: CHUNK });
  stream.on("error", (error) => unpacked.destroy(error));
  yield* stream.pipe(unpacked) as AsyncIterable<Buffer>;
}

async function isGzip(file: string): Promise<boolean> {
  await using handle = await open(file);
  const { bytesRead, buffer } = await handle.read(Buffer.alloc(2), 0, 2, 0);
  return bytesRead === 2 && buffer[0] === 0x1f && buffer[1] === 0x8b;
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

/** The first line identifies a log after it has grown, was renamed or compressed. Empty for an empty log. */
export async function firstLine(file: string): Promise<Buffer> {
  for await (const { bytes } of logPieces(file)) {
    const end = bytes.indexOf(10);
    return bytes.subarray(0, end < 0 ? bytes.length : end);
  }
  return Buffer.alloc(0);
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
