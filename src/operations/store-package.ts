import { access, constants, stat } from "node:fs/promises";
import type { NewFile } from "../catalog/packages.ts";
import { FeedctlError, isFeedctlError } from "../errors.ts";
import type { PutResult, Store } from "../stores/store.ts";
import type { Context } from "./context.ts";
import type { PreparedPackage } from "./prepare-package.ts";

/** A blob without a row that stands there all the same is somebody's file: it makes the import a conflict. */
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
        `the store holds something else at ${item.key} that the catalog does not know: ${error.message}`,
        { cause: error, hint: "see: feedctl verify" },
      );
    }
    throw error;
  }
}

/** Whether the file itself is no longer what it was, in contrast to a store that is gone. */
export async function sourceProblem({ source }: PreparedPackage): Promise<FeedctlError | undefined> {
  const path = source.path ?? "";
  try {
    await access(path, constants.R_OK);
    if ((await stat(path)).size === source.size) return undefined;
    return new FeedctlError("corrupt", "the file changed while it was imported");
  } catch (error) {
    const gone = (error as NodeJS.ErrnoException).code === "ENOENT";
    return new FeedctlError(
      "not-found",
      gone ? "the file vanished before it was stored" : "the file cannot be read any more",
      { cause: error },
    );
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
    publishedAt: item.publishedAt?.toISOString(),
    ...hashes,
  };
}
