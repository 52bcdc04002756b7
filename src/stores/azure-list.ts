import { FeedctlError } from "../errors.ts";
import type { AzureCall } from "./azure-call.ts";
import type { BlobItem, ContainerClient } from "./azure-client.ts";
import { describeBlob } from "./azure-info.ts";
import { fromAzureMetadata } from "./azure-metadata.ts";
import { compareKeys, isKey } from "./key.ts";
import { throwIfInterrupted } from "./signal.ts";
import type { BlobInfo, CallOptions } from "./store.ts";

/**
 * Blobs per page. The SDK parses a page in one go, at 0.1 ms per blob and more: Azure's maximum of 5,000 would stall
 * every other transfer for half a second.
 */
const PAGE = 1_000;

export interface Listing {
  client: ContainerClient;
  call: AzureCall;
  /** The store's prefix of all names; keys are told without it. */
  prefix: string;
  /** The store's name, for messages. */
  name: string;
}

type ListOptions = CallOptions & { onForeign?: ((name: string) => void) | undefined };

interface Page {
  items: BlobItem[];
  next: string | undefined;
}

/** Fetches one page ahead; proves that names increase strictly, because mirrors delete what a listing leaves out. */
export async function* listBlobs(listing: Listing, keyPrefix: string, options: ListOptions): AsyncGenerator<BlobInfo> {
  const { prefix, name } = listing;
  const { signal, onForeign } = options;
  const doing = `cannot list ${name}`;
  const stop = new AbortController();
  const follow = () => stop.abort();
  signal?.addEventListener("abort", follow, { once: true });
  if (signal?.aborted === true) follow();
  const fetchAhead = (token?: string): Promise<Page> => {
    const page = fetchPage(listing, prefix + keyPrefix, token, doing, stop.signal);
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
      for (const item of items) {
        throwIfInterrupted(signal);
        if (last !== undefined && compareKeys(last, item.name) >= 0) throw outOfOrder(doing, last, item.name);
        last = item.name;
        const key = item.name.slice(prefix.length);
        const { isFolder } = fromAzureMetadata(item.metadata);
        if (isFolder || !isKey(key)) onForeign?.(key === "" ? item.name : key);
        else yield describeBlob(key, { ...item.properties, metadata: item.metadata });
      }
    }
  } finally {
    stop.abort();
    signal?.removeEventListener("abort", follow);
  }
}

async function fetchPage(
  { client, call }: Listing,
  prefix: string,
  token: string | undefined,
  doing: string,
  signal: AbortSignal,
): Promise<Page> {
  const answer = await call(doing, signal, async (abortSignal) => {
    const pages = client
      .listBlobsFlat({ prefix, includeMetadata: true, abortSignal })
      .byPage({ maxPageSize: PAGE, ...(token !== undefined && { continuationToken: token }) });
    const page = await pages.next();
    return page.done === true ? undefined : page.value;
  });
  const next = answer?.continuationToken;
  if (answer === undefined || (token !== undefined && next === token)) {
    throw new FeedctlError("corrupt", `${doing}: the listing does not go on after ${JSON.stringify(token)}`);
  }
  return { items: answer.segment.blobItems, next: next === "" ? undefined : next };
}

function outOfOrder(doing: string, before: string, after: string): FeedctlError {
  const names = `${JSON.stringify(after)} after ${JSON.stringify(before)}`;
  return new FeedctlError("corrupt", `${doing}: listing out of order: ${names}`, {
    hint: "the Azurite emulator does so with names beyond U+FFFF; Azure itself lists in the order of UTF-8 bytes",
  });
}
