import { crc32, inflateRawSync, type InflateRaw } from "node:zlib";

/** The gzip member is malformed. The message is one line. */
export class GzipError extends Error {
  override readonly name = "GzipError";
}

/**
 * Unpacks the first member of gzip data in memory; returns its content and its packed length, which Node's own
 * functions do not report. Throws `GzipError` if the member is damaged or incomplete, or unpacks to more than `limit`
 * bytes.
 */
export function gunzipMember(bytes: Buffer, limit: number): { content: Buffer; length: number } {
  const start = headerLength(bytes);
  let content: Buffer;
  let length: number;
  try {
    const options = { maxOutputLength: limit, info: true };
    const result = inflateRawSync(bytes.subarray(start), options) as unknown as { buffer: Buffer; engine: InflateRaw };
    content = result.buffer;
    length = start + result.engine.bytesWritten;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "ERR_BUFFER_TOO_LARGE") throw new GzipError(`unpacks to more than ${limit} bytes`, { cause: error });
    if (code === "Z_BUF_ERROR") throw ends();
    if (code?.startsWith("Z_")) throw new GzipError(`is damaged (${message})`, { cause: error });
    throw error;
  }
  if (bytes.length < length + 8) throw ends();
  if (bytes.readUInt32LE(length) !== crc32(content) || bytes.readUInt32LE(length + 4) !== content.length)
    throw new GzipError("is damaged (wrong checksum)");
  return { content, length: length + 8 };
}

/** RFC 1952: ten bytes, then the optional fields that the flags announce. */
function headerLength(bytes: Buffer): number {
  if (bytes.length < 10) throw ends();
  if (bytes.readUInt16BE(0) !== 0x1f8b || bytes[2] !== 8) throw new GzipError("is not gzip data");
  const flags = bytes[3]!;
  if ((flags & 0xe0) !== 0) throw new GzipError("is damaged (unknown flags)");
  let at = 10;
  if ((flags & 4) !== 0) at += 2 + (at + 2 <= bytes.length ? bytes.readUInt16LE(at) : bytes.length);
  for (const flag of [8, 16]) {
    if ((flags & flag) === 0) continue;
    const zero = bytes.indexOf(0, at);
    if (zero < 0) throw ends();
    at = zero + 1;
  }
  if ((flags & 2) !== 0) at += 2;
  if (at > bytes.length) throw ends();
  return at;
}

function ends(): GzipError {
  return new GzipError("ends early");
}
