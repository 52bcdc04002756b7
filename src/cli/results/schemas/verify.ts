import { Type, type Static } from "typebox";
import { count, flag, oneOf, text, word } from "./parts.ts";

export const FindingLine = Type.Object({
  type: word("finding"),
  finding: oneOf(
    ["differ", "missing-blob", "missing-row", "unchecked", "pending", "foreign"],
    "missing-blob: a row without its blob; missing-row: a blob without its row; pending: a blob that waits for its deletion; foreign: a name that is not a valid key",
  ),
  key: text(),
  reason: text(),
});
export type FindingLine = Static<typeof FindingLine>;

export const VerifyLine = Type.Union([
  FindingLine,
  Type.Object({
    type: word("summary"),
    feed: text(),
    location: text(),
    read: flag("blobs were read, all but those that are counted as unchecked"),
    match: count(),
    differ: count(),
    missingBlob: count(),
    missingRow: count(),
    unchecked: count(),
    companions: count("checksums and indexes of repositories, which need no row"),
    pending: count("blobs that wait for their deletion; not counted as a difference"),
    foreign: count("names that are not valid keys; not counted as a difference"),
    repaired: count("items that --repair finished or deleted"),
    bytes: count(),
  }),
]);
export type VerifyLine = Static<typeof VerifyLine>;
