import type { FileRow } from "../../catalog/files.ts";
import type { WriteIntent } from "../../catalog/pending.ts";
import { announceBatch } from "../commit/announce.ts";
import type { Target } from "../commit/feed-writer.ts";
import type { Context } from "../context.ts";
import type { PreparedPackage } from "./prepare-package.ts";
import { newFile } from "./put-package.ts";

/** Catalogued files by key. */
export type Rows = ReadonlyMap<string, FileRow>;

/**
 * The announcement of a write. When it replaces other content it carries the new row, with which a later run can
 * finish.
 */
export function intentOf(item: PreparedPackage, rows: Rows): WriteIntent {
  const intent = { key: item.key, sha256: item.hashes.sha256 };
  return rows.has(item.key) ? { ...intent, replacement: newFile(item, null) } : intent;
}

/**
 * Announces the keys of `items`. Returns them split into `mine`, to be stored now, and `busy`: another run is writing
 * them.
 */
export async function announce(context: Context, target: Target, items: readonly PreparedPackage[], rows: Rows) {
  const ours = await announceBatch(
    context,
    target,
    items.map((item) => intentOf(item, rows)),
  );
  return { mine: items.filter((item) => ours.has(item.key)), busy: items.filter((item) => !ours.has(item.key)) };
}
