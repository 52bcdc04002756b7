// Node cannot ask where a file has holes (`SEEK_HOLE`). A copy gets one where a whole block of the file is zero.
import type { Stats } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { errnoOf } from "./errors.ts";

/** The block of common file systems, in bytes. A hole begins and ends between two blocks. */
const BLOCK = 4096;
const ZEROS = Buffer.alloc(256 * BLOCK);

/** What a file system says that cannot make a file longer without writing. */
const CANNOT_EXTEND = new Set(["EPERM", "EINVAL", "ENOSYS", "ENOTSUP", "EOPNOTSUPP"]);

/** Whether the file takes less room than it has bytes: it has holes, or its file system compresses it. */
export function isSparse({ blocks, size }: Pick<Stats, "blocks" | "size">): boolean {
  return blocks * 512 < size;
}

/** Appends to a file, and leaves out the blocks that are zero. */
export interface HoleWriter {
  write(chunk: Buffer): Promise<void>;
  /** Gives the file its length, when it ends in a hole. */
  end(): Promise<void>;
}

/** `length`: of the file. Each write begins at the end of the file, so that it may also be open in append mode. */
export function createHoleWriter(handle: Pick<FileHandle, "write" | "truncate">, length: number): HoleWriter {
  let position = length;
  let canExtend = true;

  async function append(bytes: Buffer): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      const { bytesWritten } = await handle.write(bytes, at, bytes.length - at, length);
      at += bytesWritten;
      length += bytesWritten;
    }
  }

  async function extend(): Promise<void> {
    if (length < position && canExtend) {
      try {
        await handle.truncate(position);
        length = position;
      } catch (error) {
        if (!CANNOT_EXTEND.has(errnoOf(error) ?? "")) throw error;
        canExtend = false;
      }
    }
    while (length < position) await append(ZEROS.subarray(0, position - length));
  }

  return {
    async write(chunk) {
      for (const [start, end, isHole] of runsOf(chunk, position)) {
        if (!isHole) {
          await extend();
          await append(chunk.subarray(start, end));
        }
        position += end - start;
      }
    },
    end: extend,
  };
}

/** Splits a chunk into runs of zero blocks and of others. `position`: of the chunk in the file. */
function* runsOf(chunk: Buffer, position: number): Generator<[start: number, end: number, isHole: boolean]> {
  let start = 0;
  let wasHole = false;
  for (let at = 0; at < chunk.length;) {
    const end = Math.min(chunk.length, at + BLOCK - ((position + at) % BLOCK));
    const isHole = end - at === BLOCK && isZero(chunk, at);
    if (isHole !== wasHole && at > start) {
      yield [start, at, wasHole];
      start = at;
    }
    wasHole = isHole;
    at = end;
  }
  if (start < chunk.length) yield [start, chunk.length, wasHole];
}

function isZero(chunk: Buffer, at: number): boolean {
  return chunk[at] === 0 && chunk.compare(ZEROS, 0, BLOCK, at, at + BLOCK) === 0;
}
