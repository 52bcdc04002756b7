import { findInstalled } from "./server-binaries.ts";
import { startOwnS3, type S3Server } from "./s3-server.ts";

/** Why the tests of SeaweedFS are skipped; false where it is installed. */
export const noWeed = findInstalled("weed") === undefined && "SeaweedFS (weed) is not installed";

/**
 * SeaweedFS, a server that lists folder by folder: `a/b` before `a-b`. Undefined when it is not installed; `npm test`
 * installs it where it can.
 */
export async function startWeed(): Promise<S3Server | undefined> {
  const binary = findInstalled("weed");
  return binary === undefined ? undefined : startOwnS3(binary);
}
