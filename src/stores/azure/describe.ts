import { FeedctlError } from "../../errors.ts";
import type { AzureCall } from "./call.ts";
import type { BlockBlobClient } from "./client.ts";
import { plainTag, quotedTag } from "./info.ts";
import { toAzureMetadata } from "./metadata.ts";
import { refusalOf } from "./sources.ts";
import type { Key } from "../key.ts";
import type { BlobInfo, PutOptions, PutResult } from "../store.ts";

export interface Description {
  blob: BlobInfo;
  at: BlockBlobClient;
  options: PutOptions;
  call: AzureCall;
  /** Begins a message: what cannot be done with the key. */
  doing(verb: string, key: Key): string;
}

/** Two requests, the second of which holds on to what the first made: what comes in between is not overwritten. */
export async function describeAgain({ blob, at, options, call, doing }: Description): Promise<Pick<PutResult, "tag">> {
  const what = doing("change the headers of", blob.key);
  const { signal, contentType, cacheControl } = options;
  const md5 = options.md5 ?? blob.md5;
  // Whatever is left out is removed, the MD5 too.
  const headers = {
    ...(contentType !== undefined && { blobContentType: contentType }),
    ...(cacheControl !== undefined && { blobCacheControl: cacheControl }),
    ...(md5 !== undefined && { blobContentMD5: Buffer.from(md5, "hex") }),
  };
  try {
    const conditions = blob.tag === undefined ? {} : { ifMatch: quotedTag(blob.tag) };
    const first = await call(what, signal, (abortSignal) => at.setHTTPHeaders(headers, { conditions, abortSignal }));
    const ifMatch = first.etag!;
    const second = await call(what, signal, (abortSignal) =>
      at.setMetadata(toAzureMetadata(options), { conditions: { ifMatch }, abortSignal }),
    );
    return { tag: plainTag(second.etag) };
  } catch (error) {
    const refusal = refusalOf(error);
    if (refusal === "gone") throw new FeedctlError("not-found", `${what}: it is gone`, { cause: error });
    if (refusal === "condition") throw new FeedctlError("corrupt", `${what}: it has changed`, { cause: error });
    throw error;
  }
}
