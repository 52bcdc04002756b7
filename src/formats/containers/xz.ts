import xz from "xz-decompress";
import { invalid } from "../read-package.ts";

/**
 * Decompresses all streams of xz data in memory. Throws `tooLong()` before more than `most` bytes are decompressed. The
 * library needs at most 64 MiB for a dictionary, which is enough for the highest preset of xz.
 */
export async function unxz(bytes: Buffer, most: number, tooLong: () => Error): Promise<Buffer> {
  const stream = new xz.XzReadableStream(new Blob([Uint8Array.from(bytes)]).stream());
  const chunks: Uint8Array[] = [];
  let total = 0;
  try {
    // Leaving the loop early cancels the stream: otherwise the library would block all later callers.
    for await (const chunk of stream as ReadableStream<Uint8Array> & AsyncIterable<Uint8Array>) {
      total += chunk.length;
      if (total > most) throw tooLong();
      chunks.push(chunk);
    }
  } catch (error) {
    throw explain(error);
  }
  return Buffer.concat(chunks);
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
  const code = /failed with error code ([0-9]+)$/.exec((error as Error).message)?.[1];
  if (code === undefined) return error;
  return invalid(reasons[code] ?? "its xz data is damaged", error);
}
