import { Type, type Static } from "typebox";
import { count, flag, keptBlobs, maybe, oneOf, text, word } from "./parts.ts";

export const MirrorLine = Type.Union([
  Type.Object({
    type: word("item"),
    class: oneOf(
      ["lonely", "newer", "older", "changed", "tweaked", "same", "extra", "mismatched"],
      "in robocopy's words",
    ),
    outcome: oneOf([
      "copied",
      "skipped",
      "mismatch",
      "failed",
      "postponed",
      "extra",
      "deleted",
      "foreign",
      "folder-made",
      "folder-deleted",
    ]),
    key: text(),
    bytes: count(),
    reason: maybe(text()),
  }),
  Type.Object(
    {
      type: word("summary"),
      source: text(),
      target: text(),
      dryRun: flag(),
      total: count(),
      copied: count(),
      skipped: count(),
      mismatch: count(),
      failed: count(),
      archived: count("of the failed blobs: they must be restored before they can be read"),
      extras: count("only in the target"),
      deleted: count(),
      bytes: count("of the copied blobs"),
      totalBytes: count(),
      extraBytes: count(),
      notDeleted: maybe(text("why extras were not deleted")),
      ...keptBlobs,
      foreign: count("names that are not valid keys, ignored"),
      modes: count("skipped files that got the source's permission bits (--copy-modes)"),
      foldersMade: count("empty directories (--empty-dirs)"),
      foldersDeleted: count(),
      milliseconds: count(),
      robocopyStatus: count("robocopy's exit status of this run"),
    },
    { description: "total = copied + skipped + mismatch + failed; extras are not included, as in robocopy" },
  ),
]);
export type MirrorLine = Static<typeof MirrorLine>;
