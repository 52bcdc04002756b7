import { setImmediate } from "node:timers/promises";
import { FeedctlError } from "../../errors.ts";
import type { AzureCall } from "./call.ts";
import type { AzureConnection } from "./client.ts";
import { describeBlob } from "./info.ts";
import type { ListedBlob } from "./list-scan.ts";
import { scanListing } from "./list-scan.ts";
import { fromAzureMetadata } from "./metadata.ts";
import type { StoredMetadata } from "./metadata.ts";
import { compareKeys, isKey } from "../key.ts";
import type { Key } from "../key.ts";
import { throwIfInterrupted } from "../shared/signal.ts";
import type { BlobInfo, CallOptions } from "../store.ts";

/** Azure's maximum; scanning so many takes some twenty milliseconds. */
const PAGE = 5_000;

/** How often one page is asked for when its answer breaks off. */
const TRIES = 3;

/** Far beyond 5,000 blobs with as much metadata as Azure allows. */
const MAX_BYTES = 256 * 1024 * 1024;

export interface Listing {
  connection: AzureConnection;
  call: AzureCall;
}

type ListOptions = CallOptions & { onForeign?: ((name: string) => void) | undefined };

interface Page {
  items: ListedBlob[];
  next: string | undefined;
}

/** Fetches one page ahead; proves that names increase strictly, because mirrors delete what a listing leaves out. */
export async function* listBlobs(listing: Listing, keyPrefix: string, options: ListOptions): AsyncGenerator<BlobInfo> {
  const { prefix, name } = listing.connection;
  const { signal, onForeign } = options;
  const doing = `cannot list ${name}`;
  const start = prefix + keyPrefix;
  const stop = new AbortController();
  const follow = () => stop.abort();
  signal?.addEventListener("abort", follow, { once: true });
  if (signal?.aborted === true) follow();
  const fetchAhead = (marker?: string): Promise<Page> => {
    const page = fetchPage(listing, start, marker, doing, stop.signal);
    // It may fail while its predecessor is being consumed; whoever awaits it hears of it.
    page.catch(() => undefined);
    return page;
  };
  try {
    let last: string | undefined;
    let pending: Promise<Page> | undefined = fetchAhead();
    while (pending !== undefined) {
      const { items, next }: Page = await pending;
      pending = next === undefined ? undefined : fetchAhead(next);
      // Scanning took a while, and whoever takes these blobs may not let others in between either.
      await setImmediate();
      for (const item of items) {
        throwIfInterrupted(signal);
        const { name: full, size } = item;
        if (full === undefined || size === undefined) throw corrupt(doing, "a blob came without its name or size");
        if (last !== undefined && compareKeys(last, full) >= 0) throw outOfOrder(doing, last, full);
        if (!full.startsWith(start)) {
          throw corrupt(doing, `asked for ${JSON.stringify(start)}, got ${JSON.stringify(full)}`);
        }
        last = full;
        const key = full.slice(prefix.length);
        const read = fromAzureMetadata(item.metadata);
        if (read.isFolder || !isKey(key)) onForeign?.(key === "" ? full : key);
        else yield describeListed(key, item, read);
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
    // Reading such a date is slow, and only needed where nobody kept the file's own time.
    lastModified: read.modified ?? new Date(Date.parse(item.lastModified ?? "") || 0),
    etag,
    contentMD5: md5 === undefined ? undefined : Buffer.from(md5, "base64"),
    contentType,
    cacheControl,
  };
  return describeBlob(key, found, read);
}

async function fetchPage(
  listing: Listing,
  prefix: string,
  marker: string | undefined,
  doing: string,
  signal: AbortSignal,
): Promise<Page> {
  for (let tries = 1; ; tries++) {
    const bytes = await fetchBytes(listing, prefix, marker, doing, signal);
    const page = bytes === undefined ? "cut" : scanListing(bytes);
    if (page === "cut") {
      if (tries < TRIES) continue;
      throw new FeedctlError("unavailable", `${doing}: the answer broke off ${TRIES} times`);
    }
    // Any web page is an answer too.
    if (page === undefined) throw corrupt(doing, "the answer is no listing", "look at the endpoint and the network");
    if (page.next === undefined) throw corrupt(doing, "the answer does not say whether more follows");
    if (marker !== undefined && page.next === marker) {
      throw corrupt(doing, `the listing does not go on after ${JSON.stringify(marker)}`);
    }
    return { items: page.blobs, next: page.next === "" ? undefined : page.next };
  }
}

/** Undefined: the answer broke off. */
async function fetchBytes(
  { connection, call }: Listing,
  prefix: string,
  marker: string | undefined,
  doing: string,
  signal: AbortSignal,
): Promise<Buffer | undefined> {
  const { url } = connection.client;
  const query = [
    "restype=container&comp=list&include=metadata",
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
        if (length > MAX_BYTES) throw corrupt(doing, "the answer is too long for a listing");
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
  return corrupt(
    doing,
    `listing out of order: ${names}`,
    "the Azurite emulator does so with names beyond U+FFFF; Azure itself lists in the order of UTF-8 bytes",
  );
}
