import { concatKeys, numberKey, rankKey } from "./sort-key.ts";

/** An item of a list that has no end: after its last item come fillers for ever. */
export interface PaddedItem {
  /** Less than the filler, the filler itself, or more. */
  sign: -1 | 0 | 1;
  /** Orders the items of one sign; of no use for the filler. */
  key: Uint8Array;
}

/**
 * A list item by item, a shorter one as if fillers followed it: `1.a` < `1` = `1.0` < `1.0.1`. Fillers before another
 * item are counted, because more of them bring the list closer to one that ends.
 */
export function paddedListKey(items: readonly PaddedItem[]): Buffer {
  const pieces: Uint8Array[] = [];
  let fillers = 0;
  for (const { sign, key } of items) {
    if (sign === 0) {
      fillers++;
      continue;
    }
    const count = numberKey(fillers);
    pieces.push(rankKey(sign + 1), sign < 0 ? count : count.map((byte) => 255 - byte), key);
    fillers = 0;
  }
  return concatKeys(...pieces, rankKey(1));
}
