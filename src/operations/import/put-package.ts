import type { NewFile } from "../../catalog/packages.ts";
import { FeedctlError, isFeedctlError } from "../../errors.ts";
import type { PutResult, Store } from "../../stores/store.ts";
import type { Context } from "../context.ts";
import type { PreparedPackage } from "./prepare-package.ts";

/** Stores the blob. Throws `conflict` when the key has a blob with other bytes that the catalog does not know. */
export async function putPackage(
  context: Context,
  store: Store,
  item: PreparedPackage,
  replaces: boolean,
): Promise<PutResult> {
  const { sha256, md5 } = item.hashes;
  try {
    return await store.put(item.key, item.source, {
      ifExists: replaces ? "replace" : "fail",
      sha256,
      md5,
      contentType: item.identity.contentType,
      signal: context.signal,
    });
  } catch (error) {
    if (isFeedctlError(error, "conflict")) {
      throw new FeedctlError(
        "conflict",
        `the store has another blob at ${item.key}, unknown to the catalog: ${error.message}`,
        { cause: error, hint: "see: feedctl verify" },
      );
    }
    throw error;
  }
}

/** The row of a stored file. */
export function newFile(item: PreparedPackage, storeTag: string | null): NewFile {
  const { identity, hashes, source, key } = item;
  return {
    group: identity.group,
    name: identity.name,
    nameKey: identity.nameKey,
    version: identity.version,
    normalizedVersion: identity.normalizedVersion,
    sortKey: identity.sortKey.toString("hex"),
    prerelease: identity.prerelease,
    qualifier: identity.qualifier,
    key,
    size: source.size,
    contentType: identity.contentType,
    storeTag,
    metadata: identity.metadata,
    deprecation: identity.deprecation,
    publishedAt: item.publishedAt?.toISOString(),
    ...hashes,
  };
}
