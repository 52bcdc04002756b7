import { createReadStream } from "node:fs";
import { addAbortSignal, pipeline } from "node:stream";
import { createGunzip, gunzipSync } from "node:zlib";
import { readSmall } from "../../lib/files/read-small.ts";
import type { PackageFile, ReadOptions } from "../format.ts";
import { limits } from "../../lib/limits.ts";
import { beyondLimit, beyondRatio } from "../read-package.ts";

/** A file up to this size is read at once, which costs less than a stream. */
const SMALL = 64 * 1024;

/** A small file is decompressed at once if its last bytes state at most this size. */
const SMALL_RESULT = 4 * 1024 * 1024;

/** How many bytes may be decompressed from a stream. */
export type InflateLimits = Pick<typeof limits, "inflated" | "ratio" | "ratioFrom">;

/**
 * The uncompressed bytes of a gzip file in bounded memory. Several gzip members in a row are one stream (RFC 1952,
 * 2.2); zero bytes after the last one are padding, anything else is damage. Rejects as soon as a limit is passed; a
 * consumer that stops earlier closes the file.
 */
export async function* gunzipFile(
  file: PackageFile,
  options: ReadOptions = {},
  { inflated, ratio, ratioFrom }: { [K in keyof InflateLimits]: number } = limits,
): AsyncGenerator<Buffer, void> {
  const small = file.bytes ?? (file.size <= SMALL ? await readSmall(file.path, file.size) : undefined);
  const whole = small === undefined ? undefined : gunzipSmall(small, Math.min(inflated, ratioFrom, SMALL_RESULT));
  if (whole !== undefined) {
    options.signal?.throwIfAborted();
    return yield whole;
  }
  const gunzip = createGunzip({ chunkSize: 64 * 1024 });
  if (options.signal !== undefined) addAbortSignal(options.signal, gunzip);
  // Errors of either stream, and the signal, surface in the loop below.
  if (small !== undefined) gunzip.end(small);
  else pipeline(createReadStream(file.path, { highWaterMark: 64 * 1024 }), gunzip, () => {});
  let total = 0;
  for await (const chunk of gunzip as AsyncIterable<Buffer>) {
    total += chunk.length;
    if (total > inflated) throw beyondLimit("inflated", "it unpacks to", { most: inflated });
    // Compared with the input used so far, so that a decompression bomb is stopped early.
    if (total > ratioFrom && total > ratio * gunzip.bytesWritten) {
      throw beyondRatio(ratio);
    }
    yield chunk;
  }
}

/** Undefined when the data is longer than `most` bytes. */
function gunzipSmall(bytes: Buffer, most: number): Buffer | undefined {
  if (bytes.length < 18) return undefined;
  const promised = bytes.readUInt32LE(bytes.length - 4);
  if (promised > most) return undefined;
  try {
    // one chunk, if the stated size is right
    return gunzipSync(bytes, { maxOutputLength: most, chunkSize: Math.max(promised + 1, 1024) });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE") return undefined;
    throw error;
  }
}
