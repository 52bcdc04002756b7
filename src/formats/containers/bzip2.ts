import { createReadStream } from "node:fs";
import { bunzip2, Bzip2Error } from "../../lib/archives/bzip2/bzip2.ts";
import type { PackageFile, ReadOptions } from "../format.ts";
import type { InflateLimits } from "./gzip.ts";
import { limits } from "../../lib/limits.ts";
import { beyondLimit, beyondRatio, invalid } from "../read-package.ts";

/** The uncompressed bytes of a bzip2 file in bounded memory, under the limits of gzip files. */
export async function* bunzip2File(
  file: PackageFile,
  options: ReadOptions = {},
  { inflated, ratio, ratioFrom }: { [K in keyof InflateLimits]: number } = limits,
): AsyncGenerator<Buffer, void> {
  const source = createReadStream(file.path, {
    highWaterMark: 64 * 1024,
    ...(options.signal && { signal: options.signal }),
  });
  const bunzip = bunzip2(source as AsyncIterable<Buffer>);
  let total = 0;
  try {
    for await (const chunk of bunzip.chunks) {
      options.signal?.throwIfAborted();
      total += chunk.length;
      if (total > inflated) throw beyondLimit("inflated", "it unpacks to", { most: inflated });
      if (total > ratioFrom && total > ratio * bunzip.used()) throw beyondRatio(ratio);
      yield chunk;
    }
  } catch (error) {
    throw error instanceof Bzip2Error ? invalid(error.message, error) : error;
  }
}
