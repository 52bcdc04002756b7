import { setImmediate } from "node:timers/promises";
import { FeedctlError } from "../../errors.ts";
import type { AzureCall } from "./call.ts";
import type { AzureConnection } from "./client.ts";
import { describeBlob } from "./info.ts";
import type { ListedBlob } from "./list-scan.ts";
import { scanListing } from "./list-scan.ts";
import { fromAzureMetadata } from "./metadata.ts";
import type { StoredMetadata } from "./metadata.ts";
import { compareKeys } from "../../lib/key.ts";
import { isListed } from "../key.ts";
import type { Key } from "../../lib/key.ts";
import { throwIfInterrupted } from "../shared/signal.ts";
import type { BlobInfo, ListOptions } from "../store.ts";
import { limits } from "../../lib/limits.ts";

/** Blobs per page, Azure's maximum. Scanning a page takes about 20 ms. */
const PAGE = 5_000;

/** How often a page is requested when its response is truncated. */
const TRIES = 3;

export interface Listing {
  connection: AzureConnection;
  call: AzureCall;
  /** What the pages have besides the properties of blobs. Default: their metadata. */
  include?: "metadata" | "uncommittedblobs" | undefined;
}

interface Page {
  items: ListedBlob[];
  next: string | undefined;
}

/**
 * `Store.list`. Prefetches one page. Throws if names are not strictly increasing where the service is known to sort,
 * because a mirror deletes what a listing leaves out.
 */
export async function* listBlobs(listing: Listing, keyPrefix: string, options: ListOptions): AsyncGenerator<BlobInfo> {
  const { prefix, name, found } = listing.connection;
  const { signal, onForeign } = options;
  const doing = `cannot list ${name}`;
  const start = prefix + keyPrefix;
  const wanted = { ...options, prefix: keyPrefix };
  const stop = new AbortController();
  const follow = () => stop.abort();
  signal?.addEventListener("abort", follow, { once: true });
  if (signal?.aborted === true) follow();
  const fetchAhead = (marker?: string): Promise<Page> => {
    const page = fetchPage(listing, start, marker, doing, stop.signal);
    // It may fail before the loop below awaits it, which then gets the error.
    page.catch(() => undefined);
    return page;
  };
  try {
    let last: string | undefined;
    let pending: Promise<Page> | undefined = fetchAhead();
    while (pending !== undefined) {
      const { items, next }: Page = await pending;
      pending = next === undefined ? undefined : fetchAhead(next);
      // Scanning has blocked the event loop for a while, and the consumer of these blobs may block it, too.
      await setImmediate();
      for (const item of items) {
        throwIfInterrupted(signal);
        const { name: full, size } = item;
        if (full === undefined || size === undefined) throw corrupt(doing, "a blob came without its name or size");
        if (last !== undefined && (full === last || (found.sortedList === true && compareKeys(last, full) > 0)))
          throw outOfOrder(doing, last, full);
        if (!full.startsWith(start)) {
          throw corrupt(doing, `asked for ${JSON.stringify(start)}, got ${JSON.stringify(full)}`);
        }
        last = full;
        const key = full.slice(prefix.length);
        const read = fromAzureMetadata(item.metadata);
        // a hierarchical namespace lists its folders as empty blobs: reported as the folder markers of S3 are
        if (read.isFolder && size === 0) onForeign?.(`${key}/`);
        else if (isListed(key, size, wanted)) yield describeListed(key, item, read);
      }
    }
  } finally {
    stop.abort();
    signal?.removeEventListener("abort", follow);
  }
}

function describeListed(key: Key, item: ListedBlob, read: StoredMetadata): BlobInfo {
  const { size, etag, md5, contentType, cacheControl } = item;
  const found = {
    contentLength: size,
    // Parsing the date is slow, so it is parsed only if the metadata have no time.
    lastModified: read.modified ?? new Date(Date.parse(item.lastModified ?? "") || 0),
    etag,
    contentMD5: md5 === undefined ? undefined : Buffer.from(md5, "base64"),
    contentType,
    cacheControl,
    contentEncoding: item.contentEncoding,
    contentDisposition: item.contentDisposition,
    contentLanguage: item.contentLanguage,
    accessTier: item.tier,
  };
  return describeBlob(key, found, read);
}

/** Yields the pages of a listing unchecked. */
export async function* listPages(
  listing: Listing,
  prefix: string,
  doing: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<ListedBlob[]> {
  let page: Page | undefined;
  do {
    page = await fetchPage(listing, prefix, page?.next, doing, signal);
    yield page.items;
  } while (page.next !== undefined);
}

async function fetchPage(
  listing: Listing,
  prefix: string,
  marker: string | undefined,
  doing: string,
  signal: AbortSignal | undefined,
): Promise<Page> {
  for (let tries = 1; ; tries++) {
    const bytes = await fetchBytes(listing, prefix, marker, doing, signal);
    const page = bytes === undefined ? "cut" : scanListing(bytes);
    if (page === "cut") {
      if (tries < TRIES) continue;
      throw new FeedctlError("unavailable", `${doing}: the response was truncated ${TRIES} times`);
    }
    // Such as a proxy's web page.
    if (page === undefined) throw corrupt(doing, "the response is not a listing", "check the endpoint and the network");
    if (page.next === undefined) throw corrupt(doing, "the response does not say whether more follows");
    if (marker !== undefined && page.next === marker) {
      throw corrupt(doing, `it repeats the same continuation marker ${JSON.stringify(marker)}`);
    }
    return { items: page.blobs, next: page.next === "" ? undefined : page.next };
  }
}

/** Undefined: the response was truncated. */
async function fetchBytes(
  { connection, call, include = "metadata" }: Listing,
  prefix: string,
  marker: string | undefined,
  doing: string,
  signal: AbortSignal | undefined,
): Promise<Buffer | undefined> {
  const { url } = connection.client;
  const query = [
    `restype=container&comp=list&include=${include}`,
    `maxresults=${PAGE}`,
    ...(prefix === "" ? [] : [`prefix=${encodeURIComponent(prefix)}`]),
    ...(marker === undefined ? [] : [`marker=${encodeURIComponent(marker)}`]),
  ].join("&");
  const { blob } = connection.bare(`${url}${url.includes("?") ? "&" : "?"}${query}`);
  return call(doing, signal, async (abortSignal, progressed) => {
    const { readableStreamBody: body } = await blob.download({ abortSignal });
    const chunks: Buffer[] = [];
    let length = 0;
    try {
      for await (const chunk of body as AsyncIterable<Buffer>) {
        progressed();
        length += chunk.length;
        if (length > limits.listingPage) throw corrupt(doing, "the response is too long for a listing");
        chunks.push(chunk);
      }
    } catch (error) {
      if (error instanceof FeedctlError || abortSignal.aborted) throw error;
      return undefined;
    }
    return Buffer.concat(chunks, length);
  });
}

function corrupt(doing: string, why: string, hint?: string): FeedctlError {
  return new FeedctlError("corrupt", `${doing}: ${why}`, { hint });
}

function outOfOrder(doing: string, before: string, after: string): FeedctlError {
  const names = `${JSON.stringify(after)} after ${JSON.stringify(before)}`;
  return corrupt(doing, `listing out of order: ${names}`, "nothing was deleted; try again");
}
