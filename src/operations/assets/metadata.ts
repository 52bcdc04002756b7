import type { UserMetadata } from "../../catalog/schema/assets.ts";
import { FeedctlError } from "../../errors.ts";

/** S3 takes 2 KiB, what feedctl itself keeps there included: what does not fit everywhere could not move everywhere. */
const MOST = 1800;

/** The metadata, if every store can hold it. Throws `usage`. */
export function checkMetadata(metadata: UserMetadata): UserMetadata {
  const pairs = Object.entries(metadata).map(([name, { value }]) =>
    encodeURIComponent(name.toWellFormed() + value.toWellFormed()),
  );
  const bytes = pairs.join("").length;
  if (bytes <= MOST) return metadata;
  throw new FeedctlError("usage", `the metadata is ${bytes} bytes long, encoded; at most ${MOST} are kept`, {
    hint: "a file of its own beside the asset can say more",
  });
}
