import { pipeline } from "node:stream";
import { createGunzip, createZstdDecompress } from "node:zlib";
import { bunzip2, Bzip2Error } from "../../lib/archives/bzip2/bzip2.ts";
import { createZstdFrames } from "../../lib/archives/zstd-frames.ts";
import { invalid } from "../read-package.ts";
import { CannotUnpackError } from "./cannot-unpack.ts";

export type Packing = "gzip" | "bzip2" | "xz" | "zstd";

const CHUNK = 64 * 1024;

/**
 * Unpacks all of the data to its end, in bounded memory. The chunks reject with `invalid` or an error of zlib for damaged
 * data, and with `CannotUnpackError`. A consumer that stops early closes `packed`.
 */
export function unpackStream(packing: Packing, packed: AsyncIterable<Buffer>): AsyncGenerator<Uint8Array, void> {
  const unpack = { gzip: ungzip, bzip2: unbzip2, xz: unxz, zstd: unzstd }[packing];
  return unpack(packed);
}

async function* ungzip(packed: AsyncIterable<Buffer>): AsyncGenerator<Uint8Array, void> {
  const gunzip = createGunzip({ chunkSize: CHUNK });
  // errors of either stream surface in the loop
  pipeline(packed, gunzip, () => {});
  yield* gunzip as AsyncIterable<Buffer>;
}

async function* unbzip2(packed: AsyncIterable<Buffer>): AsyncGenerator<Uint8Array, void> {
  try {
    yield* bunzip2(packed).chunks;
  } catch (error) {
    throw error instanceof Bzip2Error ? invalid(error.message, error) : error;
  }
}

async function* unxz(packed: AsyncIterable<Buffer>): AsyncGenerator<Uint8Array, void> {
  const { unxzStream } = await import("./xz.ts");
  yield* unxzStream(packed);
}

/** More frames are not unpacked: each needs a decoder of its own. */
const MOST_FRAMES = 10_000;

/** Node's decoder stops silently after the first frame, so each gets a decoder of its own. */
async function* unzstd(packed: AsyncIterable<Buffer>): AsyncGenerator<Uint8Array, void> {
  const frames = splitFrames(packed);
  try {
    for (let count = 0; ; count++) {
      const first = await frames.next();
      if (first.done === true) return;
      if (count === MOST_FRAMES) throw new CannotUnpackError();
      const decoder = createZstdDecompress({ chunkSize: CHUNK });
      pipeline(oneFrame(first.value, frames), decoder, () => {});
      yield* decoder as AsyncIterable<Buffer>;
    }
  } catch (error) {
    const { code = "", message } = error as NodeJS.ErrnoException;
    if (code.includes("windowTooLarge")) throw new CannotUnpackError(message, { cause: error });
    throw code.startsWith("ZSTD_") ? invalid(`the compressed data is damaged (${message})`, error) : error;
  } finally {
    await frames.return();
  }
}

interface FramePiece {
  bytes: Buffer;
  /** Whether it ends a frame. */
  isLast: boolean;
}

async function* oneFrame(first: FramePiece, pieces: AsyncIterator<FramePiece>): AsyncGenerator<Buffer, void> {
  for (let { bytes, isLast } = first; ;) {
    yield bytes;
    if (isLast) return;
    const next = await pieces.next();
    if (next.done === true) return;
    ({ bytes, isLast } = next.value);
  }
}

async function* splitFrames(packed: AsyncIterable<Buffer>): AsyncGenerator<FramePiece, void> {
  const frames = createZstdFrames();
  for await (const piece of packed) {
    let start = 0;
    for (const end of frames.push(piece)) {
      yield { bytes: piece.subarray(start, end), isLast: true };
      start = end;
    }
    if (start < piece.length) yield { bytes: piece.subarray(start), isLast: false };
  }
  if (!frames.isWhole()) throw invalid("the compressed data ends early");
}
