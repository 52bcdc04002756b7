import type { ListObjectsV2CommandOutput } from "@aws-sdk/client-s3";
import { FeedctlError } from "../errors.ts";
import { compareKeys, isKey, type Key } from "./key.ts";
import { md5OfTag, plainTag } from "./s3-blob.ts";
import { http, type S3Connection } from "./s3-client.ts";
import { translateS3Error } from "./s3-errors.ts";
import { throwIfInterrupted } from "./signal.ts";
import type { BlobInfo, Store } from "./store.ts";

/**
 * `Store.list`. Mirrors delete by what a listing does not hold, so whatever would let a part of one pass for the whole
 * is an error: no word on whether more follows, fewer keys than announced, no way to go on, keys out of order.
 */
export async function* listObjects(
  connection: S3Connection,
  text: string,
  { signal, onForeign }: NonNullable<Parameters<Store["list"]>[1]>,
  trustsEtags: (key: Key) => Promise<boolean>,
): AsyncGenerator<BlobInfo> {
  const { prefix, name } = connection;
  const attempt = { action: "list", permission: "s3:ListBucket", signal };
  const start = prefix + text;
  let token: string | undefined;
  let last: string | undefined;
  do {
    const page = await readPage(connection, start, token, signal).catch((error: unknown) => {
      throw translateS3Error(error, connection, attempt);
    });
    const next = nextToken(page, token, name);
    for (const object of page.Contents ?? []) {
      throwIfInterrupted(signal);
      const full = object.Key === undefined ? undefined : decodeName(object.Key, page.EncodingType);
      if (full === undefined) {
        onForeign?.(object.Key ?? "");
        continue;
      }
      if (last !== undefined && compareKeys(last, full) >= 0) {
        throw incomplete(
          name,
          `listing out of order: ${JSON.stringify(full)} came after ${JSON.stringify(last)}`,
          UNORDERED,
        );
      }
      if (!full.startsWith(start))
        throw incomplete(name, `asked for ${JSON.stringify(start)}, got ${JSON.stringify(full)}`);
      last = full;
      const key = full.slice(prefix.length);
      if (!isKey(key)) {
        onForeign?.(key);
        continue;
      }
      const md5 = md5OfTag(object.ETag);
      yield {
        key,
        size: object.Size ?? 0,
        modified: object.LastModified ?? new Date(0),
        tag: plainTag(object.ETag),
        md5: md5 !== undefined && (await trustsEtags(key)) ? md5 : undefined,
      };
    }
    token = next;
  } while (token !== undefined);
}

const UNORDERED = "this server does not list in UTF-8 byte order, so nothing can be compared safely with it";

function readPage(
  { client, bucket }: S3Connection,
  Prefix: string,
  token: string | undefined,
  signal: AbortSignal | undefined,
) {
  return client.listObjectsV2(
    // Without URL encoding a key that XML cannot hold would break the page.
    { Bucket: bucket, Prefix, EncodingType: "url", ...(token !== undefined && { ContinuationToken: token }) },
    http(signal),
  );
}

function nextToken(page: ListObjectsV2CommandOutput, token: string | undefined, name: string): string | undefined {
  // Any web page parses as an empty listing; only S3 says whether it is truncated.
  if (page.IsTruncated === undefined) throw incomplete(name, "the answer is no listing", "look at --endpoint");
  if ((page.KeyCount ?? 0) > (page.Contents?.length ?? 0))
    throw incomplete(name, "fewer keys came than were announced");
  if (!page.IsTruncated) return undefined;
  const next = page.NextContinuationToken;
  if (!next) throw incomplete(name, "the listing is truncated and does not say how to go on");
  if (next === token) throw incomplete(name, "the listing goes round in circles");
  return next;
}

/** Servers that ignore the wish for URL encoding do not name it in the answer. Undefined: not UTF-8. */
function decodeName(name: string, encoding: string | undefined): string | undefined {
  if (encoding !== "url") return name;
  try {
    return decodeURIComponent(name.replaceAll("+", " "));
  } catch (error) {
    if (error instanceof URIError) return undefined;
    throw error;
  }
}

function incomplete(name: string, why: string, hint?: string): FeedctlError {
  return new FeedctlError("corrupt", `cannot list ${name}: ${why}`, { hint });
}
