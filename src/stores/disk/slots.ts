import type { FileFacts } from "./info.ts";
import type { Key } from "../key.ts";

/**
 * Memory in which the walking thread leaves what it found, for the other side to read. A message with the same would
 * be copied into the reader's heap and wait there, just long enough to survive it: a million files cost 60 MiB more.
 */
export interface Slot {
  keys: Buffer;
  /** Three numbers per key: size, mtimeMs, ino. */
  facts: Float64Array;
}

const FILES = 1_000;
const BYTES = 128 * 1024;
const FACTS = 3 * FILES * Float64Array.BYTES_PER_ELEMENT;

/** A piece is read at once, and forgotten before memory is tidied. */
const PIECE_FILES = 100;
const PIECE_CHARACTERS = 8 * 1024;
/** A key has at most 1,024 bytes, so that a piece that ends with its longest key fits in here. */
const PIECE_BYTES = 3 * PIECE_CHARACTERS + 1024;

export function makeSlots(count: number): SharedArrayBuffer[] {
  return Array.from({ length: count }, () => new SharedArrayBuffer(FACTS + BYTES));
}

export function openSlot(memory: SharedArrayBuffer): Slot {
  return { facts: new Float64Array(memory, 0, 3 * FILES), keys: Buffer.from(memory, FACTS, BYTES) };
}

export interface SlotWriter {
  /** Whether there is room for more. */
  add(file: FileFacts & { key: Key }): boolean;
  /** Bytes of each piece, for `readSlot`. */
  end(): number[];
}

export function fillSlot({ keys, facts }: Slot): SlotWriter {
  const pieces: number[] = [];
  let piece: string[] = [];
  let characters = 0;
  let files = 0;
  let written = 0;

  function endPiece(): void {
    if (piece.length === 0) return;
    // No key holds a line feed, and one long string is written and read faster than many short ones.
    const length = keys.write(piece.join("\n"), written);
    pieces.push(length);
    written += length;
    piece = [];
    characters = 0;
  }

  return {
    add({ key, size, mtimeMs, ino }) {
      facts[3 * files] = size;
      facts[3 * files + 1] = mtimeMs;
      facts[3 * files + 2] = ino;
      files++;
      piece.push(key);
      characters += key.length + 1;
      if (piece.length === PIECE_FILES || characters >= PIECE_CHARACTERS) endPiece();
      return files < FILES && written + PIECE_BYTES <= BYTES;
    },
    end() {
      endPiece();
      return pieces;
    },
  };
}

/** What was written, piece by piece. */
export function* readSlot<T>(
  { keys, facts }: Slot,
  pieces: readonly number[],
  describe: (key: Key, facts: FileFacts) => T,
): Generator<T[], void, undefined> {
  let from = 0;
  let file = 0;
  for (const length of pieces) {
    const names = keys.toString("utf8", from, from + length).split("\n");
    from += length;
    yield names.map((name) => {
      const at = 3 * file++;
      return describe(name as Key, { size: facts[at]!, mtimeMs: facts[at + 1]!, ino: facts[at + 2]! });
    });
  }
}
