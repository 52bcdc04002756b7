import { crc32, inflateRawSync } from "node:zlib";
import type { ZipMember } from "../../lib/archives/zip/directory.ts";
import { invalid } from "../read-package.ts";

/** What the directory of a zip archive says of a member's content. */
export type StatedContent = Pick<ZipMember, "name" | "packed" | "size" | "crc" | "method">;

/** A member up to this size, packed and unpacked, is unpacked at once, which costs a tenth of a stream. */
const SMALL = { packed: 256 * 1024, size: 4 * 1024 * 1024 };
const CHUNK = 64 * 1024;

export function isSmallMember({ packed, size }: Pick<StatedContent, "packed" | "size">): boolean {
  return packed <= SMALL.packed && size <= SMALL.size;
}

/** The content of a stored or deflated member, from its packed bytes. Throws `invalid` unless size and checksum agree. */
export function unpackMember(packed: Uint8Array, member: StatedContent): Buffer {
  const { method, size } = member;
  try {
    // one byte more than expected shows that it is too long
    const content =
      method === 0
        ? Buffer.from(packed)
        : inflateRawSync(packed, { maxOutputLength: size + 1, chunkSize: chunkFor(size) });
    requireContent(member, { size: content.length, crc: crc32(content) });
    return content;
  } catch (error) {
    throw unpackError(member, error);
  }
}

/** Zlib allocates chunks of this size, at least 64 bytes. */
function chunkFor(size: number): number {
  return Math.max(64, Math.min(size + 1, CHUNK));
}

/** Throws `invalid` unless the content that was found is the stated one. */
export function requireContent(stated: StatedContent, found: { size: number; crc: number }): void {
  if (found.size !== stated.size) throw damaged(stated, "wrong size");
  if (found.crc !== stated.crc) throw damaged(stated, "wrong checksum");
}

/** An error of zlib as `invalid`; others as they are. */
export function unpackError(member: StatedContent, error: unknown): unknown {
  const { code = "", message } = error as NodeJS.ErrnoException;
  if (code === "ERR_BUFFER_TOO_LARGE") return damaged(member, "wrong size", error);
  return code.startsWith("Z_") ? damaged(member, message, error) : error;
}

function damaged({ name }: StatedContent, how: string, cause?: unknown) {
  return invalid(`"${name}" in the zip archive is damaged (${how})`, cause);
}
