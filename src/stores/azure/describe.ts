import { FeedctlError } from "../../errors.ts";
import type { AzureCall } from "./call.ts";
import type { BlockBlobClient } from "./client.ts";
import { httpHeaders, plainTag, quotedTag } from "./info.ts";
import { toAzureMetadata } from "./metadata.ts";
import { refusalOf } from "./sources.ts";
import type { Key } from "../../lib/key.ts";
import type { BlobInfo, PutOptions, PutResult } from "../store.ts";

export interface Description {
  blob: BlobInfo;
  at: BlockBlobClient;
  options: PutOptions;
  call: AzureCall;
  /** Begins the message of an error: `cannot <verb> "<key>" in <store>`. */
  doing(verb: string, key: Key): string;
}

/**
 * `Store.describe`. Sets the headers, then the metadata. The second request requires the ETag of the first, so that a
 * concurrent write is not overwritten.
 */
export async function describeAgain({ blob, at, options, call, doing }: Description): Promise<Pick<PutResult, "tag">> {
  const what = doing("change the headers of", blob.key);
  const { signal } = options;
  const md5 = options.md5 ?? blob.md5;
  const bytes = md5 === undefined ? undefined : Buffer.from(md5, "hex");
  const headers = httpHeaders({ headers: blob.headers, ...options }, bytes);
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
    if (refusal === "gone") throw new FeedctlError("not-found", `${what}: it does not exist`, { cause: error });
    if (refusal === "condition") throw new FeedctlError("corrupt", `${what}: it has changed`, { cause: error });
    throw error;
  }
}
