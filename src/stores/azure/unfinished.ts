// Blocks that were staged for a blob and never committed. Azure lists them only of names that have no blob, and does not
// report when they were staged; it discards them after a week.
import { isFeedctlError } from "../../errors.ts";
import type { Key } from "../../lib/key.ts";
import { isOwnBlockId, stagedBlocks } from "./blocks.ts";
import type { BlockBlobClient } from "./client.ts";
import { azureCode } from "./errors.ts";
import { listPages, type Listing } from "./list.ts";
import type { UnfinishedUploads } from "../unfinished.ts";

interface Place extends Listing {
  blobOf(key: Key): BlockBlobClient;
  head(key: Key, options: { signal?: AbortSignal | undefined }): Promise<unknown>;
}

export function stagedUploads({ connection, call, blobOf, head }: Place): UnfinishedUploads {
  const { prefix, name: place } = connection;
  return {
    expire: true,
    async *list({ signal } = {}) {
      const doing = `cannot list the staged blocks of ${place}`;
      for await (const page of listPages({ connection, call, include: "uncommittedblobs" }, prefix, doing, signal)) {
        for (const { name: full, size = 0, md5, lastModified } of page) {
          // A name without a blob is listed as an empty blob without a hash.
          if (full === undefined || size > 0 || md5 !== undefined) continue;
          const name = full.slice(prefix.length);
          const blocks = await stagedBlocks(blobOf(name as Key), call, doing, signal);
          if (blocks.size === 0 || (await head(name as Key, { signal })) !== undefined) continue;
          const since = lastModified === undefined ? undefined : new Date(lastModified);
          const bytes = [...blocks.values()].reduce((sum, each) => sum + each, 0);
          yield { name, since, bytes, isOurs: [...blocks.keys()].every(isOwnBlockId) };
        }
      }
    },
    /** Only a commit discards blocks: an empty blob is created where none exists, and deleted if it is still the same. */
    async discard({ name }, { signal } = {}) {
      const doing = `cannot discard the staged blocks of ${JSON.stringify(name)} in ${place}`;
      const blob = blobOf(name as Key);
      try {
        const { etag } = await call(doing, signal, (abortSignal) =>
          blob.commitBlockList([], { conditions: { ifNoneMatch: "*" }, abortSignal }),
        );
        const same = etag === undefined ? {} : { ifMatch: etag };
        await call(doing, signal, (abortSignal) => blob.delete({ conditions: same, abortSignal }));
      } catch (error) {
        // Somebody has stored the blob meanwhile, which discards the blocks as well.
        if (["BlobAlreadyExists", "ConditionNotMet"].includes(azureCode(error) ?? "")) return;
        if (!isFeedctlError(error, "not-found") || azureCode(error) === "ContainerNotFound") throw error;
      }
    },
  };
}
