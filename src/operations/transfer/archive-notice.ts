import type { BlobInfo } from "../../stores/store.ts";
import type { Context } from "../context.ts";

/**
 * Returns a function that says at the first archived blob that it cannot be read, before the reads begin to fail. `then`:
 * what happens to such blobs: "fail".
 */
export function createArchiveNotice(
  context: Context,
  { place, fate }: { place: string; fate: string },
): (blob: Pick<BlobInfo, "key" | "archived">) => void {
  let isKnown = false;
  return ({ key, archived }) => {
    if (isKnown || archived === undefined) return;
    isKnown = true;
    context.notice(
      `${place} holds archived blobs, which cannot be read before they are restored, such as ` +
        `${JSON.stringify(key)} (${archived}); those that are not ${fate}`,
    );
  };
}
