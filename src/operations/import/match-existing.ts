import {
  listFilesByIdentity,
  type FileIdentity,
  type FileRow,
  type KnownFile,
  type Verified,
} from "../../catalog/files.ts";
import type { Db } from "../../catalog/schema/core.ts";
import { mapParallel } from "../../lib/concurrency/parallel.ts";
import type { Store } from "../../stores/store.ts";
import { proveStored, type Proof } from "../commit/prove-stored.ts";
import type { Context } from "../context.ts";
import { identityName } from "../packages/identity-name.ts";
import type { Rows } from "./announce-packages.ts";
import { packageOutcome, type PackageOutcome } from "./outcome.ts";
import type { PreparedPackage } from "./prepare-package.ts";

export interface Located {
  /** The packages, each with the key where its file is stored, or will be. */
  items: PreparedPackage[];
  /** The rows of packages that the feed has, by key. */
  rows: Map<string, KnownFile>;
  /** Conflicts: packages whose key belongs to another package. */
  answered: PackageOutcome[];
}

/** Finds existing packages by identity, not by key: an adopted package may have another key than an imported one. */
export async function locatePackages(db: Db, feedId: number, items: readonly PreparedPackage[]): Promise<Located> {
  const known = await listFilesByIdentity(
    db,
    feedId,
    items.map(({ identity, key }) => ({ ...identity, key })),
  );
  const byIdentity = new Map(known.map((row) => [identityName(row), row]));
  const byKey = new Map(known.map((row) => [row.key, row]));
  const located: Located = { items: [], rows: new Map(), answered: [] };
  for (const item of items) {
    const atKey = byKey.get(item.key);
    const isSame = atKey?.sha256 === item.hashes.sha256 && isOneVersion(atKey, item.identity);
    const row = isSame ? atKey : byIdentity.get(identityName(item.identity));
    if (row !== undefined) {
      located.rows.set(row.key, row);
      located.items.push(row.key === item.key ? item : { ...item, key: row.key });
    } else if (atKey !== undefined) {
      located.answered.push(packageOutcome(item, "conflict", `another package of the feed is stored at ${item.key}`));
    } else {
      located.items.push(item);
    }
  }
  return located;
}

function isOneVersion(a: FileIdentity, b: FileIdentity): boolean {
  return a.group === b.group && a.nameKey === b.nameKey && a.normalizedVersion === b.normalizedVersion;
}

export interface MatchOptions {
  /** Replace files that the feed has with other bytes. */
  overwrite: boolean;
  /** How the blob is proven before a package is reported as existing. A missing blob is stored again. */
  proof: Proof;
}

/** A package to be stored; `replaces`: it overwrites the blob at its key. */
export interface Wanted {
  item: PreparedPackage;
  replaces: boolean;
}

export interface Matches {
  wanted: Wanted[];
  /** Outcomes of packages that are not stored. */
  answered: PackageOutcome[];
  /** Rows whose blobs were read and match. */
  verified: Verified[];
}

/** Compares packages with the rows at their keys. `store` is only read. */
export async function matchPackages(
  context: Context,
  items: readonly PreparedPackage[],
  { rows, store, overwrite, proof }: MatchOptions & { rows: Rows; store: Store },
): Promise<Matches> {
  const matches: Matches = { wanted: [], answered: [], verified: [] };
  const { wanted, answered, verified } = matches;
  const toProve: { item: PreparedPackage; row: FileRow }[] = [];
  for (const item of items) {
    const row = rows.get(item.key);
    if (row === undefined) wanted.push({ item, replaces: false });
    else if (row.sha256 !== item.hashes.sha256) {
      if (overwrite) wanted.push({ item, replaces: true });
      else answered.push(packageOutcome(item, "conflict", "the feed has this version with other bytes"));
    } else toProve.push({ item, row });
  }
  const proofs = mapParallel(toProve, context.concurrency, async ({ item, row }) => {
    return { item, row, presence: await proveStored(store, row, { proof, signal: context.signal }) };
  });
  for await (const { item, row, presence } of proofs) {
    if (presence.is === "there") {
      if (presence.read) verified.push({ id: row.id, storeTag: presence.tag });
      answered.push(packageOutcome(item, "existing"));
    } else if (presence.is === "missing" || overwrite) wanted.push({ item, replaces: presence.is === "other" });
    else answered.push(packageOutcome(item, "failed", DAMAGED));
  }
  return matches;
}

const DAMAGED = "its blob in the store does not match the catalog; overwrite it, or see: feedctl verify";
