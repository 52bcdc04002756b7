// Earlier versions of objects, which a bucket with versioning keeps when an object is deleted or replaced.
import type { KeptBlob } from "../store.ts";
import { http, type S3Connection } from "./client.ts";
import { s3Code, translateS3Error } from "./errors/translate.ts";

interface ObjectVersion {
  name: string;
  id: string | undefined;
  /** 0 for a delete marker. */
  size: number;
  isCurrent: boolean;
  isMarker: boolean;
}

/** All versions of the objects below a part of the store, delete markers included. */
async function* listVersions(
  connection: S3Connection,
  start: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<ObjectVersion> {
  const { client, bucket: Bucket, prefix } = connection;
  let next: { KeyMarker?: string | undefined; VersionIdMarker?: string | undefined } = {};
  for (;;) {
    const page = await client
      .listObjectVersions({ Bucket, Prefix: prefix + start, ...next }, http(signal))
      .catch((error: unknown) => {
        const attempt = { action: "list the versions of", permission: "s3:ListBucketVersions", signal };
        throw translateS3Error(error, connection, attempt);
      });
    for (const { Key = "", VersionId: id, Size = 0, IsLatest = false } of page.Versions ?? [])
      yield { name: Key, id, size: Size, isCurrent: IsLatest, isMarker: false };
    for (const { Key = "", VersionId: id, IsLatest = false } of page.DeleteMarkers ?? [])
      yield { name: Key, id, size: 0, isCurrent: IsLatest, isMarker: true };
    if (page.IsTruncated !== true || page.NextKeyMarker === undefined) return;
    if (page.NextKeyMarker === next.KeyMarker && page.NextVersionIdMarker === next.VersionIdMarker) return;
    next = { KeyMarker: page.NextKeyMarker, VersionIdMarker: page.NextVersionIdMarker };
  }
}

/** `Store.listKept`. */
export async function* listEarlierVersions(
  connection: S3Connection,
  signal: AbortSignal | undefined,
): AsyncGenerator<KeptBlob> {
  for await (const { size, isCurrent, isMarker } of listVersions(connection, "", signal))
    if (!isCurrent && !isMarker) yield { size };
}

/** Deletes everything below a part of the store, with all versions and delete markers. */
export async function purgeObjects(
  connection: S3Connection,
  start: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { client, bucket: Bucket } = connection;
  for await (const { name: Key, id } of listVersions(connection, start, signal)) {
    await client
      .deleteObject({ Bucket, Key, ...(id !== undefined && { VersionId: id }) }, http(signal))
      .catch((error: unknown) => {
        if (["NoSuchKey", "NoSuchVersion"].includes(s3Code(error))) return;
        const attempt = { action: "delete a version from", permission: "s3:DeleteObjectVersion", signal };
        throw translateS3Error(error, connection, attempt);
      });
  }
}
