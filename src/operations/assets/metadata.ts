import type { UserMetadata } from "../../catalog/schema/assets.ts";
import { FeedctlError } from "../../errors.ts";

/** S3 allows 2 KiB, feedctl's own entries included. Larger metadata could not be migrated to every store. */
const MOST = 1800;

/** Returns the metadata. Throws `usage` if it is too large for some store. */
export function checkMetadata(metadata: UserMetadata): UserMetadata {
  const pairs = Object.entries(metadata).map(([name, { value }]) =>
    encodeURIComponent(name.toWellFormed() + value.toWellFormed()),
  );
  const bytes = pairs.join("").length;
  if (bytes <= MOST) return metadata;
  throw new FeedctlError("usage", `the metadata has ${bytes} bytes when encoded; the limit is ${MOST}`, {
    hint: "store larger metadata as a file beside the asset",
  });
}
