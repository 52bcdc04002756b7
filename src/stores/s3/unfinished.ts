// Unfinished multipart uploads: listing their parts and aborting them.
import { FeedctlError } from "../../errors.ts";
import { pause } from "../shared/signal.ts";
import { plainTag } from "./blob.ts";
import { http, type S3Connection } from "./client.ts";
import { s3Status } from "./errors/translate.ts";
import { isStale, mayPass } from "./send.ts";

const MAX_TRIES = 5;

export type UploadTarget = { Bucket: string; Key: string; UploadId: string };

export interface StoredPart {
  size: number;
  /** Its MD5, unless the bucket encrypts with KMS; without quotes. */
  tag: string;
}

/** The stored parts by part number. Undefined: the upload does not exist, or the credentials may not list its parts. */
export async function storedParts(
  client: S3Connection["client"],
  target: UploadTarget,
  signal: AbortSignal | undefined,
): Promise<Map<number, StoredPart> | undefined> {
  const found = new Map<number, StoredPart>();
  let marker: string | undefined;
  try {
    for (;;) {
      const whole = marker === undefined ? target : { ...target, PartNumberMarker: marker };
      const page = await client.listParts(whole, http(signal));
      for (const { PartNumber, Size, ETag } of page.Parts ?? []) {
        const tag = plainTag(ETag);
        if (PartNumber !== undefined && Size !== undefined && tag !== undefined)
          found.set(PartNumber, { size: Size, tag });
      }
      const next = page.NextPartNumberMarker;
      // A page that is missed only means that its parts are sent again.
      if (page.IsTruncated !== true || next === undefined || Number(next) <= Number(marker ?? 0)) return found;
      marker = next;
    }
  } catch (error) {
    if (s3Status(error) === undefined || mayPass(error) || isStale(error)) throw error;
    return undefined;
  }
}

/**
 * Aborts an upload until it does not exist: a part that is still arriving may restore it after an abort. No `signal`:
 * the upload was interrupted, and this cleans up after it.
 */
export async function endUpload(
  client: S3Connection["client"],
  target: UploadTarget,
  signal?: AbortSignal,
): Promise<void> {
  for (let count = 0; count < MAX_TRIES; count++) {
    try {
      await client.abortMultipartUpload(target);
    } catch (error) {
      if (s3Status(error) === 404) return;
      throw error;
    }
    // If listing parts is not allowed or not supported, trust the accepted abort.
    const found = await client.listParts({ ...target, MaxParts: 1 }).then(
      () => true,
      () => false,
    );
    if (!found) return;
    await pause(50 * 2 ** count, signal);
  }
  throw new FeedctlError("unavailable", "parts kept arriving");
}
