import { concatKeys, numberKey, rankKey } from "./sort-key.ts";

/** An item of a list that compares as if it were padded with an infinite number of fillers. */
export interface PaddedItem {
  /** -1: less than the filler. 0: equal to it. 1: greater. */
  sign: -1 | 0 | 1;
  /** The order among items of the same sign. Ignored for sign 0. */
  key: Uint8Array;
}

/**
 * The key of a list that compares item by item; a shorter list is padded with fillers: `1.a` < `1` = `1.0` < `1.0.1`.
 * The fillers before an item are counted: the more there are, the closer the list sorts to one that ends there.
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
