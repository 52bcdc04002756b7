/** Finds where the frames of zstandard data end, from its bytes as they pass. Unpacks nothing. */
export interface ZstdFrames {
  /** Returns where frames end in these bytes: offsets just after them. */
  push(bytes: Uint8Array): number[];
  /** Whether the bytes so far are whole frames. */
  isWhole(): boolean;
}

type State = "magic" | "skippable" | "descriptor" | "block" | "damaged";

/** How many bytes of a header each state needs. */
const NEEDED: Record<State, number> = { magic: 4, skippable: 4, descriptor: 1, block: 3, damaged: 0 };

/** Source: RFC 8878, section 3.1. */
export function createZstdFrames(): ZstdFrames {
  const header = Buffer.alloc(4);
  let filled = 0;
  let state: State = "magic";
  /** Bytes to pass over before the next header. */
  let missing = 0;
  /** Whether the frame ends after them. */
  let endsThen = false;
  let hasChecksum = false;

  /** Reads a header: sets what follows it. */
  function next(): void {
    const kind = state;
    filled = 0;
    if (kind === "magic") {
      const magic = header.readUInt32LE(0);
      state = magic === 0xfd2fb528 ? "descriptor" : magic >>> 4 === 0x184d2a5 ? "skippable" : "damaged";
    } else if (kind === "skippable") {
      missing = header.readUInt32LE(0);
      endsThen = true;
    } else if (kind === "descriptor") {
      const flags = header[0]!;
      const isSingle = (flags & 0x20) !== 0;
      const contentSize = [isSingle ? 1 : 0, 2, 4, 8][flags >> 6]!;
      missing = (isSingle ? 0 : 1) + [0, 1, 2, 4][flags & 3]! + contentSize;
      hasChecksum = (flags & 4) !== 0;
      state = "block";
    } else {
      const block = header.readUIntLE(0, 3);
      endsThen = (block & 1) === 1;
      // a block of one repeated byte stores that byte only
      missing = (((block >> 1) & 3) === 1 ? 1 : block >> 3) + (endsThen && hasChecksum ? 4 : 0);
    }
  }

  return {
    push(bytes) {
      const ends: number[] = [];
      for (let at = 0; at < bytes.length && state !== "damaged";) {
        if (missing > 0) {
          const length = Math.min(missing, bytes.length - at);
          missing -= length;
          at += length;
        } else {
          header[filled++] = bytes[at++]!;
          if (filled === NEEDED[state]) next();
        }
        if (!endsThen || missing > 0) continue;
        ends.push(at);
        endsThen = false;
        state = "magic";
      }
      return ends;
    },
    isWhole: () => state === "magic" && filled === 0,
  };
}
