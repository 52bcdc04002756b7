import type { Readable } from "node:stream";
import { FeedctlError } from "../../errors.ts";
import type { AzureCall } from "./call.ts";
import type { BlockBlobClient } from "./client.ts";
import { azureCode } from "./errors.ts";
import { describeBlob, quotedTag } from "./info.ts";
import { resumingRead } from "./read.ts";
import type { Key } from "../../lib/key.ts";
import type { ByteRange, GetOptions } from "../store.ts";

export interface Reading {
  key: Key;
  blob: BlockBlobClient;
  options: GetOptions;
  call: AzureCall;
  /** Begins the message of an error. */
  doing: string;
}

/** `Store.get`. All bytes are of one version, even if the connection breaks and the read is resumed. */
export async function getBlob({ key, blob, options, call, doing }: Reading): Promise<Readable> {
  const { signal, range, known, onInfo } = options;
  const { start, end } = checkRange(range, doing);
  const knownTag = known?.tag === undefined ? undefined : quotedTag(known.tag);
  const open = async (offset: number, ifMatch: string | undefined) => {
    const count = end === undefined ? undefined : end - offset;
    try {
      // The call's own signal: the caller's would abort the body, too, and hide the reason.
      return await call(doing, signal, (abortSignal) =>
        blob.download(offset, count, {
          abortSignal,
          conditions: { ...(ifMatch !== undefined && { ifMatch }) },
          maxRetryRequests: 0,
        }),
      );
    } catch (error) {
      // The SDK refuses such a response, in which the end of a broken connection looks like the end of the blob.
      if (error instanceof RangeError)
        throw new FeedctlError("unavailable", `${doing}: the response does not say how long it is`, {
          hint: "a proxy leaves Content-Length out; let it pass the header on",
        });
      if (azureCode(error) !== "ConditionNotMet") throw error;
      if (knownTag !== undefined) {
        // Azurite returns the same code for a blob that does not exist: this throws `not-found` then.
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
    // The SDK sends no range for a read from the first byte, so that Azure did not refuse it.
    body.destroy();
    throw new FeedctlError("usage", `${doing}: the range starts past the end of the blob`);
  }
  const whole = /\/(\d+)$/.exec(first.contentRange ?? "")?.[1];
  const { lastModified, etag, contentType, cacheControl, metadata } = first;
  const { contentEncoding, contentDisposition, contentLanguage } = first;
  onInfo?.(
    describeBlob(key, {
      lastModified,
      etag,
      contentType,
      cacheControl,
      contentEncoding,
      contentDisposition,
      contentLanguage,
      metadata,
      contentLength: whole === undefined ? size : Number(whole),
      // The Content-MD5 of a range is that of the range.
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
  if (!valid) throw new FeedctlError("usage", `${doing}: ${start} to ${end ?? "the end"} is not a range of bytes`);
  return { start, end };
}
