import { findByIdentity, type KnownFile } from "../../catalog/files.ts";
import type { Db } from "../../catalog/schema/core.ts";
import { parseKey } from "../../stores/key.ts";
import { identityName } from "../packages/identity-name.ts";
import { outcome, type ImportedFile } from "./outcome.ts";
import type { PreparedPackage } from "./prepare-package.ts";

export interface Placed {
  /** Each with the key at which its file lies, or is to lie. */
  items: PreparedPackage[];
  /** The rows of those that the feed has, by key. */
  rows: Map<string, KnownFile>;
  /** Those whose place belongs to another package. */
  answered: ImportedFile[];
}

/** Where packages lie that the feed has already, which need not be their canonical keys: see `adoptFeed`. */
export async function placePackages(db: Db, feedId: number, items: readonly PreparedPackage[]): Promise<Placed> {
  const known = await findByIdentity(
    db,
    feedId,
    items.map(({ identity, key }) => ({ ...identity, key })),
  );
  const byIdentity = new Map(known.map((row) => [identityName(row), row]));
  const taken = new Set(known.map((row) => row.key));
  const placed: Placed = { items: [], rows: new Map(), answered: [] };
  for (const item of items) {
    const row = byIdentity.get(identityName(item.identity));
    if (row !== undefined) {
      placed.rows.set(row.key, row);
      placed.items.push(row.key === item.key ? item : { ...item, key: parseKey(row.key) });
    } else if (taken.has(item.key)) {
      placed.answered.push(outcome(item, "conflict", `another package of the feed lies at ${item.key}`));
    } else {
      placed.items.push(item);
    }
  }
  return placed;
}
