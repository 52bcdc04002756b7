import { FeedctlError } from "../../errors.ts";
import { compareKeys } from "../../lib/key.ts";
import { isListed } from "../key.ts";
import { throwIfInterrupted } from "../shared/signal.ts";
import type { BlobInfo, ListOptions } from "../store.ts";
import type { GcsCalls, ListingPage } from "./calls.ts";
import type { GcsConnection } from "./client.ts";
import { translateGcsError } from "./errors.ts";
import { describeObject } from "./info.ts";

const PAGE = 1000;

/**
 * `Store.list`. A mirror deletes what a listing does not contain, so an incomplete listing must not look complete.
 * Throws `corrupt` for a response that is not a listing, a repeated page token, and names that are not in order where the
 * service is known to sort.
 */
export async function* listObjects(
  { connection, calls }: { connection: GcsConnection; calls: GcsCalls },
  text: string,
  options: ListOptions,
): AsyncGenerator<BlobInfo> {
  const { prefix, name, found } = connection;
  const { signal } = options;
  const attempt = { action: "list", permission: "storage.objects.list", signal };
  const start = prefix + text;
  const wanted = { ...options, prefix: text };
  // Cancels the request for the next page when the consumer stops early.
  const stopped = new AbortController();
  const either = signal === undefined ? stopped.signal : AbortSignal.any([signal, stopped.signal]);
  const ask = (token: string | undefined): Promise<ListingPage> => {
    const page = calls.list(start, token, PAGE, either);
    page.catch(() => {}); // thrown when the page is awaited
    return page;
  };
  throwIfInterrupted(signal);
  let last: string | undefined;
  let token: string | undefined;
  let ahead: Promise<ListingPage> | undefined = ask(undefined);
  try {
    while (ahead !== undefined) {
      const page: ListingPage = await ahead.catch((error: unknown) => {
        throw translateGcsError(error, connection, attempt);
      });
      if (page.kind !== "storage#objects") throw incomplete(name, "the answer is not a listing", "check --endpoint");
      const next = page.nextPageToken || undefined;
      if (next !== undefined && next === token) throw incomplete(name, "the listing goes round in circles");
      token = next;
      ahead = token === undefined ? undefined : ask(token);
      for (const object of page.items ?? []) {
        throwIfInterrupted(signal);
        const full = object.name ?? "";
        if (found.sortedList === true && last !== undefined && compareKeys(last, full) >= 0)
          throw incomplete(name, `out of order: ${JSON.stringify(full)} came after ${JSON.stringify(last)}`);
        if (!full.startsWith(start))
          throw incomplete(name, `asked for ${JSON.stringify(start)}, got ${JSON.stringify(full)}`);
        last = full;
        const key = full.slice(prefix.length);
        if (isListed(key, Number(object.size ?? 0), wanted)) yield describeObject(key, object);
      }
    }
  } finally {
    stopped.abort();
  }
}

function incomplete(name: string, why: string, hint?: string): FeedctlError {
  return new FeedctlError("corrupt", `cannot list ${name}: ${why}`, { hint });
}
