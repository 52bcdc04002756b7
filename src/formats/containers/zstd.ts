import { createReadStream } from "node:fs";
import { addAbortSignal, pipeline } from "node:stream";
import { createZstdDecompress } from "node:zlib";
import type { PackageFile, ReadOptions } from "../format.ts";
import type { InflateLimits } from "./gzip.ts";
import { limits } from "../../lib/limits.ts";
import { openReader } from "./open-reader.ts";
import { beyondLimit, beyondRatio, invalid } from "../read-package.ts";

/**
 * The uncompressed bytes of all frames of a zstandard file, in bounded memory. Node's decoder stops silently after the
 * first frame, so each gets a decoder of its own. Rejects as soon as a limit is passed.
 */
export async function* unzstdFile(
  file: PackageFile,
  options: ReadOptions = {},
  { inflated, ratio, ratioFrom }: { [K in keyof InflateLimits]: number } = limits,
): AsyncGenerator<Buffer, void> {
  let total = 0;
  for (let offset = 0; offset < file.size;) {
    if (offset > 0) await expectFrame(file, offset);
    const decoder = createZstdDecompress();
    if (options.signal !== undefined) addAbortSignal(options.signal, decoder);
    // Errors of either stream, and the signal, surface in the loop below.
    pipeline(createReadStream(file.path, { start: offset, highWaterMark: 64 * 1024 }), decoder, () => {});
    for await (const chunk of decoder as AsyncIterable<Buffer>) {
      total += chunk.length;
      if (total > inflated) throw beyondLimit("inflated", "it unpacks to", { most: inflated });
      if (total > ratioFrom && total > ratio * (offset + decoder.bytesWritten)) throw beyondRatio(ratio);
      yield chunk;
    }
    if (decoder.bytesWritten === 0) throw invalid("its zstandard data ends early");
    offset += decoder.bytesWritten;
  }
}

/** Rejects unless a data frame or a skippable frame begins at `offset`. */
async function expectFrame(file: PackageFile, offset: number): Promise<void> {
  await using reader = await openReader(file);
  const magic = (await reader.read(offset, 4)).toString("hex");
  if (magic !== "28b52ffd" && !/^5[0-9a-f]2a4d18$/.test(magic)) throw invalid("something follows its zstandard data");
}
