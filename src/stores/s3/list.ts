import { FeedctlError } from "../../errors.ts";
import { compareKeys, isKey, type Key } from "../key.ts";
import { md5OfTag, plainTag } from "./blob.ts";
import type { S3Connection } from "./client.ts";
import { translateS3Error } from "./errors.ts";
import type { ListingPage } from "./list-scan.ts";
import { throwIfInterrupted } from "../shared/signal.ts";
import type { BlobInfo, Store } from "../store.ts";

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
  // Ends the page that was asked for ahead when the reader stops early.
  const leaving = new AbortController();
  const either = signal === undefined ? leaving.signal : AbortSignal.any([signal, leaving.signal]);
  const ask = (token: string | undefined) => {
    const asked = connection.calls.list(start, token, either);
    // Its failure is told when its turn comes.
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
      // Any web page is an answer too; only S3 says whether its listing is truncated.
      if (page?.truncated === undefined) throw incomplete(name, "the answer is no listing", "look at --endpoint");
      token = nextToken(page, token, name);
      ahead = token === undefined ? undefined : ask(token);
      for (const object of page.contents) {
        throwIfInterrupted(signal);
        const full = object.key === undefined ? undefined : decodeName(object.key, page.encoding);
        if (full === undefined) {
          onForeign?.(object.key ?? "");
          continue;
        }
        if (last !== undefined && compareKeys(last, full) >= 0) {
          const order = `${JSON.stringify(full)} came after ${JSON.stringify(last)}`;
          throw incomplete(name, `listing out of order: ${order}`, UNORDERED);
        }
        if (!full.startsWith(start))
          throw incomplete(name, `asked for ${JSON.stringify(start)}, got ${JSON.stringify(full)}`);
        last = full;
        const key = full.slice(prefix.length);
        if (!isKey(key)) {
          onForeign?.(key);
          continue;
        }
        const md5 = md5OfTag(object.etag);
        yield {
          key,
          size: object.size ?? 0,
          modified: object.modified ?? new Date(0),
          tag: plainTag(object.etag),
          md5: md5 !== undefined && (await trustsEtags(key)) ? md5 : undefined,
        };
      }
    }
  } finally {
    leaving.abort();
  }
}

const UNORDERED = "this server does not list in UTF-8 byte order, so nothing can be compared safely with it";

function nextToken(page: ListingPage, token: string | undefined, name: string): string | undefined {
  if ((page.keyCount ?? 0) > page.contents.length) throw incomplete(name, "fewer keys came than were announced");
  if (page.truncated !== true) return undefined;
  if (!page.token) throw incomplete(name, "the listing is truncated and does not say how to go on");
  if (page.token === token) throw incomplete(name, "the listing goes round in circles");
  return page.token;
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
