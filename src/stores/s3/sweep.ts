import { interrupted, throwIfInterrupted } from "../shared/signal.ts";
import { translateS3Error } from "./errors/translate.ts";
import { endUpload } from "./unfinished.ts";
import type { S3Connection } from "./client.ts";

/**
 * Aborts the multipart uploads below the store's prefix that began before `before`. Crashed writers leave them; their
 * parts cost money and no listing shows them. Returns how many were aborted.
 */
export async function sweepUploads(connection: S3Connection, before: Date, signal?: AbortSignal): Promise<number> {
  const { client, bucket, prefix } = connection;
  const attempt = { action: "list the unfinished uploads of", permission: "s3:ListBucketMultipartUploads", signal };
  let count = 0;
  let marker: { KeyMarker?: string; UploadIdMarker?: string } = {};
  try {
    for (;;) {
      throwIfInterrupted(signal);
      const page = await client.listMultipartUploads({
        Bucket: bucket,
        ...(prefix !== "" && { Prefix: prefix }),
        ...marker,
      });
      for (const { Key, UploadId, Initiated } of page.Uploads ?? []) {
        if (Key === undefined || UploadId === undefined || !Key.startsWith(prefix)) continue;
        if (Initiated === undefined || Initiated >= before) continue;
        await endUpload(client, { Bucket: bucket, Key, UploadId }, signal);
        count++;
      }
      if (page.IsTruncated !== true || page.NextKeyMarker === undefined) return count;
      marker = {
        KeyMarker: page.NextKeyMarker,
        ...(page.NextUploadIdMarker !== undefined && { UploadIdMarker: page.NextUploadIdMarker }),
      };
    }
  } catch (error) {
    if (signal?.aborted) throw interrupted(error);
    throw translateS3Error(error, connection, attempt);
  }
}
