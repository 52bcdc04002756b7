import { FeedctlError } from "../../errors.ts";
import type { Store } from "../../stores/store.ts";

/** What copies get of their source besides headers and metadata. */
export interface Preserve {
  /** Costs a request for each blob. */
  tags: boolean;
  /** Names of storage classes mean something in stores of one type only. */
  storageClass: boolean;
}

/** Throws `usage` when copies are to preserve what one of the two stores does not have. */
export function requirePreservable(source: Store, target: Store, preserve: Preserve | undefined): void {
  if (preserve?.tags === true && (source.tags === undefined || target.tags === undefined)) {
    const { name } = source.tags === undefined ? source : target;
    throw new FeedctlError("usage", `tags cannot be preserved: ${name} has none`, {
      hint: "leave out --preserve-tags",
    });
  }
  if (preserve?.storageClass !== true || (source.type === target.type && source.localPath === undefined)) return;
  throw new FeedctlError("usage", `storage classes cannot be preserved from ${source.name} to ${target.name}`, {
    hint: "both must be of one provider; an option of the target sets one class for all copies",
  });
}
