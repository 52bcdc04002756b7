import type { Readable } from "node:stream";
import { FeedctlError } from "../../errors.ts";
import type { AzureCall } from "./call.ts";
import type { BlockBlobClient } from "./client.ts";
import { azureCode } from "./errors.ts";
import { describeBlob, quotedTag } from "./info.ts";
import { resumingRead } from "./read.ts";
import type { Key } from "../key.ts";
import type { ByteRange, GetOptions } from "../store.ts";

export interface Reading {
  key: Key;
  blob: BlockBlobClient;
  options: GetOptions;
  call: AzureCall;
  /** The message's first half. */
  doing: string;
}

/** `Store.get` of one blob: every answer, also after a broken connection, is of one version. */
export async function getBlob({ key, blob, options, call, doing }: Reading): Promise<Readable> {
  const { signal, range, known, onInfo } = options;
  const { start, end } = checkRange(range, doing);
  const knownTag = known?.tag === undefined ? undefined : quotedTag(known.tag);
  const open = async (offset: number, ifMatch: string | undefined) => {
    const count = end === undefined ? undefined : end - offset;
    try {
      // The signal must not outlive the call: it would abort the body as well, and hide the reason.
      return await call(doing, signal, (abortSignal) =>
        blob.download(offset, count, {
          abortSignal,
          conditions: { ...(ifMatch !== undefined && { ifMatch }) },
          maxRetryRequests: 0,
        }),
      );
    } catch (error) {
      if (azureCode(error) !== "ConditionNotMet") throw error;
      if (knownTag !== undefined) {
        // Azurite says the same of a blob that is gone.
        await call(doing, signal, (abortSignal) => blob.getProperties({ abortSignal }));
        throw new FeedctlError("corrupt", `${doing}: it is no longer the version that was listed`);
      }
      throw new FeedctlError("unavailable", `${doing}: it was replaced meanwhile`, { hint: "try again" });
    }
  };
  const first = await open(start, knownTag);
  const body = first.readableStreamBody as Readable;
  const size = first.contentLength ?? 0;
  if (range !== undefined && size === 0) {
    // From the first byte on, the SDK asks without a range.
    body.destroy();
    throw new FeedctlError("usage", `${doing}: the range starts past the end of the blob`);
  }
  const whole = /\/(\d+)$/.exec(first.contentRange ?? "")?.[1];
  const { lastModified, etag, contentType, cacheControl, metadata } = first;
  onInfo?.(
    describeBlob(key, {
      lastModified,
      etag,
      contentType,
      cacheControl,
      metadata,
      contentLength: whole === undefined ? size : Number(whole),
      // Of a range, Content-MD5 would be the range's own.
      contentMD5: whole === undefined ? first.contentMD5 : first.blobContentMD5,
    }),
  );
  const reopen = async (received: number) =>
    (await open(start + received, knownTag ?? first.etag)).readableStreamBody as Readable;
  return resumingRead({ size, first: body, reopen, doing, signal });
}

function checkRange(range: ByteRange | undefined, doing: string): ByteRange {
  const { start, end } = range ?? { start: 0 };
  const valid =
    Number.isSafeInteger(start) && start >= 0 && (end === undefined || (Number.isSafeInteger(end) && end > start));
  if (!valid) throw new FeedctlError("usage", `${doing}: ${start} to ${end ?? "the end"} is no range of bytes`);
  return { start, end };
}
