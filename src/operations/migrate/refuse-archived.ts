import { FeedctlError } from "../../errors.ts";
import { counted } from "../../lib/text/format-size.ts";
import type { Store } from "../../stores/store.ts";

/** After so many no more are looked for. */
const ENOUGH = 100;

/**
 * Throws `refused` when the store holds blobs in an archive class, which cannot be read: the migration would fail after
 * everything else was copied. Lists the store; a blob that was restored counts as readable.
 */
export async function refuseArchived(store: Store, signal: AbortSignal): Promise<void> {
  let count = 0;
  let first: string | undefined;
  for await (const { key, archived } of store.list("", { signal })) {
    if (archived === undefined || (await store.head(key, { signal }))?.archived === undefined) continue;
    first ??= `${JSON.stringify(key)} (${archived})`;
    if (++count === ENOUGH) break;
  }
  if (first === undefined) return;
  const number = count === ENOUGH ? `at least ${counted(ENOUGH, "blob")}` : counted(count, "blob");
  throw new FeedctlError("refused", `${number} of ${store.name} cannot be read, because they are archived: ${first}`, {
    hint: "restore them from their archive class first; nothing was copied",
  });
}
