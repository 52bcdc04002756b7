import { gunzipSync, zstdDecompressSync, type ZstdDecompress } from "node:zlib";
import { beyondLimit, invalid } from "../read-package.ts";

export type Compression = "none" | "gzip" | "xz" | "zstd";

/**
 * Decompresses a small buffer. Rejects before more than `limit` bytes are decompressed, and when anything follows the
 * compressed data.
 */
export async function decompress(compression: Compression, bytes: Buffer, limit: number): Promise<Buffer> {
  if (compression === "none") {
    if (bytes.length > limit) throw tooLong(limit);
    return bytes;
  }
  if (compression === "xz") return (await import("./xz.ts")).unxz(bytes, limit);
  try {
    return compression === "gzip" ? gunzipSync(bytes, { maxOutputLength: limit }) : unzstd(bytes, limit);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "ERR_BUFFER_TOO_LARGE") throw tooLong(limit, error);
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

function tooLong(limit: number, cause?: unknown) {
  return beyondLimit(`it unpacks to more than ${limit} bytes`, cause);
}
