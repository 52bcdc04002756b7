import { gunzipSync, zstdDecompressSync, type ZstdDecompress } from "node:zlib";
import { limits, type LimitName } from "../../lib/limits.ts";
import { beyondLimit, invalid } from "../read-package.ts";

export type Compression = "none" | "gzip" | "xz" | "zstd";

/**
 * Decompresses a small buffer, which `what` names in errors. Rejects before more bytes than the limit are decompressed,
 * and when anything follows the compressed data.
 */
export async function decompress(
  compression: Compression,
  bytes: Buffer,
  { what, limit }: { what: string; limit: LimitName },
): Promise<Buffer> {
  const tooLong = (cause?: unknown) => beyondLimit(limit, `${what} unpacks to`, { cause });
  const most = limits[limit];
  if (compression === "none") {
    if (bytes.length > most) throw tooLong();
    return bytes;
  }
  if (compression === "xz") return (await import("./xz.ts")).unxz(bytes, most, tooLong);
  try {
    return compression === "gzip" ? gunzipSync(bytes, { maxOutputLength: most }) : unzstd(bytes, most);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "ERR_BUFFER_TOO_LARGE") throw tooLong(error);
    if (code?.startsWith("ZSTD_")) throw invalid(`the compressed data is damaged (${message})`, error);
    throw error;
  }
}

/** Node stops silently after the first frame, so what follows must be checked. */
function unzstd(bytes: Buffer, limit: number): Buffer {
  const options = { maxOutputLength: limit, info: true };
  const { buffer, engine } = zstdDecompressSync(bytes, options) as unknown as {
    buffer: Buffer;
    engine: ZstdDecompress;
  };
  if (engine.bytesWritten < bytes.length) throw invalid("something follows its zstandard data");
  return buffer;
}
