import xz from "xz-decompress";
import { invalid } from "../read-package.ts";
import { CannotUnpackError } from "./cannot-unpack.ts";

/**
 * Decompresses all streams of xz data in memory. Throws `tooLong()` before more than `most` bytes are decompressed. The
 * library needs at most 64 MiB for a dictionary, which is enough for the highest preset of xz.
 */
export async function unxz(bytes: Buffer, most: number, tooLong: () => Error): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let total = 0;
  try {
    for await (const chunk of unpack([bytes])) {
      total += chunk.length;
      if (total > most) throw tooLong();
      chunks.push(chunk);
    }
  } catch (error) {
    throw explain(error);
  }
  return Buffer.concat(chunks);
}

/** The same for a stream of any length. Throws `CannotUnpackError` for what only other decoders can unpack. */
export async function* unxzStream(packed: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  try {
    yield* unpack(packed);
  } catch (error) {
    if (["3", "4", "6"].includes(codeOf(error) ?? "")) throw new CannotUnpackError(undefined, { cause: error });
    throw explain(error);
  }
}

/** Leaving the loop early cancels the stream: otherwise the library would block all later callers. */
function unpack(packed: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  const source = ReadableStream.from(packed);
  return new xz.XzReadableStream(source) as ReadableStream<Uint8Array> & AsyncIterable<Uint8Array>;
}

/** Messages for the error codes of the decoder, which has none. */
const reasons: Record<string, string> = {
  "3": "too little memory is left to unpack its xz data",
  "4": "its xz data needs more than 64 MiB of memory to unpack",
  "5": "it is not xz data",
  "6": "its xz data uses a filter or a kind of checksum that is not supported",
  "8": "its xz data ends early, or something follows it",
};

function explain(error: unknown): unknown {
  const code = codeOf(error);
  if (code === undefined) return error;
  return invalid(reasons[code] ?? "its xz data is damaged", error);
}

function codeOf(error: unknown): string | undefined {
  return /failed with error code ([0-9]+)$/.exec((error as Error).message)?.[1];
}
