import type { FileFacts } from "./info.ts";
import type { Key } from "../../lib/key.ts";

/**
 * Shared memory through which the walking thread hands its files to the main thread. Messages would be copied into the
 * main thread's heap and live there long enough to be promoted: 60 MiB more for a million files.
 */
export interface Slot {
  keys: Buffer;
  /** Four numbers per key: size, mtimeMs, ino, ctimeMs. */
  facts: Float64Array;
}

const FILES = 1_000;
const BYTES = 128 * 1024;
const FACTS = 4 * FILES * Float64Array.BYTES_PER_ELEMENT;

/** The reader decodes one piece at a time; a small piece is garbage before the next collection. */
const PIECE_FILES = 100;
const PIECE_CHARACTERS = 8 * 1024;
/** Upper bound of a piece. A key has at most 1,024 bytes, so the last key of a piece fits, too. */
const PIECE_BYTES = 3 * PIECE_CHARACTERS + 1024;

export function makeSlots(count: number): SharedArrayBuffer[] {
  return Array.from({ length: count }, () => new SharedArrayBuffer(FACTS + BYTES));
}

export function openSlot(memory: SharedArrayBuffer): Slot {
  return { facts: new Float64Array(memory, 0, 4 * FILES), keys: Buffer.from(memory, FACTS, BYTES) };
}

export interface SlotWriter {
  /** Adds a file. False: the slot is full now. */
  add(file: FileFacts & { key: Key }): boolean;
  /** Returns the length of each piece in bytes, for `readSlot`. */
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
    // Keys contain no line feed. One long string is encoded and decoded faster than many short ones.
    const length = keys.write(piece.join("\n"), written);
    pieces.push(length);
    written += length;
    piece = [];
    characters = 0;
  }

  return {
    add({ key, size, mtimeMs, ino, ctimeMs }) {
      facts.set([size, mtimeMs, ino, ctimeMs], 4 * files);
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

/** Yields the files of a slot, piece by piece. */
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
      const at = 4 * file++;
      return describe(name as Key, {
        size: facts[at]!,
        mtimeMs: facts[at + 1]!,
        ino: facts[at + 2]!,
        ctimeMs: facts[at + 3]!,
      });
    });
  }
}
