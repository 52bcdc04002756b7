import { interrupted, throwIfInterrupted } from "../shared/signal.ts";
import { translateS3Error } from "./errors/translate.ts";
import { endUpload, storedParts } from "./unfinished.ts";
import type { S3Connection } from "./client.ts";
import type { UnfinishedUpload, UnfinishedUploads } from "../unfinished.ts";

/** The multipart uploads below the store's prefix. */
export function unfinishedUploads(connection: S3Connection): UnfinishedUploads {
  const { client, bucket: Bucket, prefix } = connection;

  async function sizeOf(Key: string, UploadId: string, signal?: AbortSignal): Promise<number | undefined> {
    const parts = await storedParts(client, { Bucket, Key, UploadId }, signal);
    return parts && [...parts.values()].reduce((sum, { size }) => sum + size, 0);
  }

  async function* pages(signal: AbortSignal | undefined) {
    let marker: { KeyMarker?: string; UploadIdMarker?: string } = {};
    for (;;) {
      throwIfInterrupted(signal);
      const page = await client.listMultipartUploads({ Bucket, ...(prefix !== "" && { Prefix: prefix }), ...marker });
      yield page.Uploads ?? [];
      if (page.IsTruncated !== true || page.NextKeyMarker === undefined) return;
      const { NextKeyMarker: KeyMarker, NextUploadIdMarker: UploadIdMarker } = page;
      marker = { KeyMarker, ...(UploadIdMarker !== undefined && { UploadIdMarker }) };
    }
  }

  async function* all(sizes: boolean, signal: AbortSignal | undefined): AsyncGenerator<UnfinishedUpload> {
    for await (const uploads of pages(signal))
      for (const { Key, UploadId, Initiated } of uploads) {
        if (Key === undefined || UploadId === undefined || !Key.startsWith(prefix)) continue;
        const bytes = sizes ? await sizeOf(Key, UploadId, signal) : undefined;
        yield { name: Key.slice(prefix.length), id: UploadId, since: Initiated, bytes };
      }
  }

  return {
    expire: false,
    async *list({ sizes = false, signal } = {}) {
      const action = "list the unfinished uploads of";
      const uploads = all(sizes, signal);
      for (;;) {
        let next: IteratorResult<UnfinishedUpload, void>;
        try {
          next = await uploads.next();
        } catch (error) {
          if (signal?.aborted) throw interrupted(error);
          throw translateS3Error(error, connection, { action, permission: "s3:ListBucketMultipartUploads", signal });
        }
        if (next.done === true) return;
        yield next.value;
      }
    },
    async discard({ name, id = "" }, { signal } = {}) {
      const action = `end the upload of ${JSON.stringify(name)} in`;
      try {
        throwIfInterrupted(signal);
        await endUpload(client, { Bucket, Key: prefix + name, UploadId: id }, signal);
      } catch (error) {
        if (signal?.aborted) throw interrupted(error);
        throw translateS3Error(error, connection, { action, permission: "s3:AbortMultipartUpload", signal });
      }
    },
  };
}
