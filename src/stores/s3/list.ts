import { FeedctlError } from "../../errors.ts";
import { compareKeys, type Key } from "../../lib/key.ts";
import { isListed } from "../key.ts";
import { isArchive, md5OfTag, plainTag } from "./blob.ts";
import type { S3Connection } from "./client.ts";
import { s3Status, translateS3Error } from "./errors/translate.ts";
import type { ListingPage } from "./list-scan.ts";
import { throwIfInterrupted } from "../shared/signal.ts";
import type { BlobInfo, ListOptions } from "../store.ts";

/**
 * `Store.list`. A mirror deletes what a listing leaves out, so a response that may be incomplete is an error: it does
 * not say whether more follows, has fewer keys than it announces, has no continuation token, or keys out of order where
 * the server is known to sort.
 */
export async function* listObjects(
  connection: S3Connection,
  text: string,
  options: ListOptions,
  trustsEtags: (key: Key) => Promise<boolean>,
): AsyncGenerator<BlobInfo> {
  const { prefix, name, found } = connection;
  const { signal, onForeign } = options;
  const attempt = { action: "list", permission: "s3:ListBucket", signal };
  const start = prefix + text;
  const wanted = { ...options, prefix: text };
  // Aborts the prefetched page when the reader stops early.
  const leaving = new AbortController();
  const either = signal === undefined ? leaving.signal : AbortSignal.any([signal, leaving.signal]);
  const ask = (token: string | undefined) => {
    const asked = connection.calls.list(start, token, either);
    // The loop below awaits the page and gets its error.
    asked.catch(() => {});
    return asked;
  };
  let last: string | undefined;
  let token: string | undefined;
  let ahead: ReturnType<typeof ask> | undefined = ask(undefined);
  try {
    while (ahead !== undefined) {
      const page: ListingPage | undefined = await ahead.catch((error: unknown) => {
        throw translateS3Error(error, connection, attempt);
      });
      // A response without IsTruncated is not from S3, such as a proxy's web page.
      if (page?.truncated === undefined) throw incomplete(name, "the response is not a listing", "check --endpoint");
      token = nextToken(page, token, name);
      found.sortedList ??= SORTED.test(page.server ?? "") || undefined;
      ahead = token === undefined ? undefined : ask(token);
      for (const object of page.contents) {
        throwIfInterrupted(signal);
        const full = object.key === undefined ? undefined : decodeName(object.key, page.encoding);
        if (full === undefined) {
          onForeign?.(object.key ?? "", "is not UTF-8");
          continue;
        }
        if (found.sortedList === true && last !== undefined && compareKeys(last, full) >= 0) {
          found.sortedList = false;
          const order = `${JSON.stringify(full)} came after ${JSON.stringify(last)}`;
          throw incomplete(name, `listing out of order: ${order}`, UNORDERED);
        }
        if (!full.startsWith(start))
          throw incomplete(name, `asked for ${JSON.stringify(start)}, got ${JSON.stringify(full)}`);
        last = full;
        const key = full.slice(prefix.length);
        const size = await sizeOf(connection, full, object.size ?? 0, signal);
        if (!isListed(key, size, wanted)) continue;
        const md5 = md5OfTag(object.etag);
        yield {
          key,
          size,
          modified: object.modified ?? new Date(0),
          tag: plainTag(object.etag),
          ...(object.storageClass !== "STANDARD" && { storageClass: object.storageClass }),
          ...(isArchive(object.storageClass) && { archived: object.storageClass }),
          md5: md5 !== undefined && (await trustsEtags(key)) ? md5 : undefined,
        };
      }
    }
  } finally {
    leaving.abort();
  }
}

/**
 * The listed size. s3proxy lists a folder of its disk as an object whose size is that of the directory: only a HEAD says
 * that it is empty.
 */
async function sizeOf(
  connection: S3Connection,
  name: string,
  size: number,
  signal: AbortSignal | undefined,
): Promise<number> {
  if (size === 0 || !name.endsWith("/")) return size;
  try {
    return Number((await connection.calls.head(name, signal))["content-length"] ?? size);
  } catch (error) {
    if (s3Status(error) === 404) return size; // deleted meanwhile
    const attempt = { action: `look up ${JSON.stringify(name)} in`, key: name, permission: "s3:GetObject", signal };
    const failure = translateS3Error(error, connection, attempt);
    if (failure.blobOnly) return size;
    throw failure;
  }
}

const UNORDERED = "nothing was deleted; if it happens again, ask the server anew: feedctl store refresh";
/** Servers that list in UTF-8 byte order, by the header `Server`. Listings of others are sorted on disk. */
const SORTED = /^(?:AmazonS3|MinIO|VERSITYGW|Ceph Object Gateway|WasabiS3)\b/i;

function nextToken(page: ListingPage, token: string | undefined, name: string): string | undefined {
  if ((page.keyCount ?? 0) > page.contents.length) throw incomplete(name, "it has fewer keys than it announces");
  if (page.truncated !== true) return undefined;
  if (!page.token) throw incomplete(name, "it is truncated and has no continuation token");
  if (page.token === token) throw incomplete(name, "it repeats the same continuation token");
  return page.token;
}

/** Decodes a name if the response says that it is encoded: some servers ignore that request. Undefined: not UTF-8. */
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
