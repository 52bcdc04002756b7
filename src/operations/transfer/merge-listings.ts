import { FeedctlError } from "../../errors.ts";
import { mergeJoin } from "../../lib/lists/merge-join.ts";
import { compareKeys } from "../../lib/key.ts";

/**
 * Full outer join of listings of stores and of the catalog by key, in UTF-8 byte order. Keeps one item of each in
 * memory. Completes only when all were read to their end. Throws `corrupt`, and names the listing, when one is out of
 * order.
 */
export function sideBySide<S extends Record<string, { key: string }>>(
  listings: { [Name in keyof S]: AsyncIterable<S[Name]> },
  names: Record<keyof S, string>,
): AsyncGenerator<{ key: S[keyof S]["key"] } & Partial<S>> {
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
