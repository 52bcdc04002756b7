import { FeedctlError } from "../../errors.ts";
import { mergeJoin } from "../../lib/merge-join.ts";
import { compareKeys } from "../../stores/key.ts";

/**
 * Listings of stores and of the catalog joined by key, in UTF-8 byte order, holding one item of each. Completes only when
 * all were read to their end, in order; else throws, and names the listing that is at fault.
 */
export function sideBySide<S extends Record<string, { key: string }>>(
  listings: { [Name in keyof S]: AsyncIterable<S[Name]> },
  names: Record<keyof S, string>,
): AsyncGenerator<{ key: string } & Partial<S>> {
  return mergeJoin<S>(
    listings,
    compareKeys,
    (listing, before, after) =>
      new FeedctlError(
        "corrupt",
        `the listing of ${names[listing]} is out of order: ${JSON.stringify(after)} came after ${JSON.stringify(before)}`,
        { hint: "nothing was deleted; a store that lists in another order cannot be compared safely" },
      ),
  );
}
