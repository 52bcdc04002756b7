import { BLOCK, isZero, parsePax, parsePaxSize, parseTarHeader, TarError, type TarHeader } from "./header.ts";

/** Finds out whether a tar archive was cut off, from its bytes as they pass. Judges nothing else. */
export interface TarEnd {
  push(bytes: Buffer): void;
  /** Whether the bytes so far end inside an entry. False for what is not a tar archive. */
  isCut(): boolean;
}

/** Longer pax headers are not read; what follows one is not checked. */
const LONGEST_PAX = 64 * 1024;

export function createTarEnd(): TarEnd {
  const block = Buffer.alloc(BLOCK);
  let filled = 0;
  /** Bytes of the current body and its padding that have not passed yet. */
  let missing = 0;
  let pax: { chunks: Buffer[]; size: number } | undefined;
  /** The size that a pax header gives the next entry. */
  let nextSize: number | undefined;
  let isDone = false;

  return {
    push(bytes) {
      for (let at = 0; at < bytes.length && !isDone;) {
        const length = Math.min(missing > 0 ? missing : BLOCK - filled, bytes.length - at);
        const part = bytes.subarray(at, at + length);
        at += length;
        if (missing > 0) {
          pax?.chunks.push(part);
          missing -= length;
        } else {
          part.copy(block, filled);
          filled += length;
          if (filled === BLOCK) begin();
        }
        if (missing === 0 && pax !== undefined) endPax(pax);
      }
    },
    isCut: () => !isDone && (missing > 0 || !isZero(block.subarray(0, filled))),
  };

  function begin(): void {
    filled = 0;
    const header = isZero(block) ? undefined : tryTo(() => parseTarHeader(block));
    // the end, something else than a tar archive, or a map of unknown length
    if (header === undefined || header.hasMore) {
      isDone = true;
      return;
    }
    missing = paddedSize(header);
    if (header.flag !== "x") return;
    if (header.size > LONGEST_PAX) isDone = true;
    pax = { chunks: [], size: header.size };
  }

  function paddedSize({ size, flag }: TarHeader): number {
    const isExtension = ["x", "X", "g", "L", "K"].includes(flag);
    const own = isExtension ? size : (nextSize ?? size);
    if (!isExtension) nextSize = undefined;
    // links, devices and folders have no body, whatever size they state
    return "123456".includes(flag) ? 0 : Math.ceil(own / BLOCK) * BLOCK;
  }

  function endPax({ chunks, size }: { chunks: Buffer[]; size: number }): void {
    pax = undefined;
    const records = tryTo(() => parsePax(Buffer.concat(chunks).subarray(0, size)));
    const stated = records?.get("size");
    nextSize = stated === undefined ? nextSize : tryTo(() => parsePaxSize(stated));
  }
}

/** Undefined when the archive is malformed. */
function tryTo<T>(parse: () => T): T | undefined {
  try {
    return parse();
  } catch (error) {
    if (error instanceof TarError) return undefined;
    throw error;
  }
}
