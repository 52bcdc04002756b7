import { type Azurite, startAzurite } from "./azurite.ts";
import type { Installation } from "./databases.ts";
import { serverEnv } from "./kill-scenarios.ts";
import { type S3Server, startS3 } from "./s3-server.ts";
import { uniqueName } from "./shared-servers.ts";

export type Kind = "disk" | "s3" | "azure";
export const kinds: readonly Kind[] = ["disk", "s3", "azure"];

/** Stores of all three kinds, for tests of the blobs in them. */
export interface AssetStores extends AsyncDisposable {
  readonly s3: S3Server;
  readonly azurite: Azurite;
  /** The name of the bucket and of the container. */
  readonly bucket: string;
  readonly env: Record<string, string>;
  /** Arguments for `store set` and `migrate run --to`; `name` gives each feed a place of its own. */
  options(place: Installation, kind: Kind, name: string): string[];
  /** An asset directory of that name in a store of that kind. */
  directory(place: Installation, kind: Kind, name?: string): Promise<string>;
}

export async function assetStores(): Promise<AssetStores> {
  const [s3, azurite] = await Promise.all([startS3(), startAzurite()]);
  const bucket = uniqueName("assets");
  await Promise.all([s3.createBucket(bucket), azurite.createContainer(bucket)]);
  const stores: AssetStores = {
    s3,
    azurite,
    bucket,
    env: serverEnv({ s3, azurite }),
    options(place, kind, name) {
      const path = `${place.directory.slice(-6)}-${name}`;
      if (kind === "disk") return ["disk", "--path", place.path("stores", path)];
      if (kind === "azure")
        return ["azure", "--container", bucket, "--target-path", path, "--connection-string", "env:TEST_CONNECTION"];
      const keys = ["--access-key", "env:TEST_ACCESS_KEY", "--secret-key", "env:TEST_SECRET_KEY"];
      return ["s3", "--bucket", bucket, "--target-path", path, "--endpoint", s3.endpoint, "--path-style", ...keys];
    },
    async directory(place, kind, name = kind) {
      await place.run("feed", "create", name, "--type", "asset");
      await place.run("store", "set", name, ...stores.options(place, kind, name));
      return name;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([s3.stop(), azurite.stop()]);
    },
  };
  return stores;
}

/** Files by path, as `asset list` shows them. */
export async function listed(
  place: Installation,
  directory: string,
): Promise<{ path: string; folder?: true; size?: number; contentType?: string; sha256?: string }[]> {
  return (await place.run("asset", "list", directory, "--recursive", "--json")).json() as never;
}

/** Asserts that every row has a blob with the right bytes, and every blob a row. */
export async function proven(place: Installation, directory: string): Promise<void> {
  await place.run("verify", directory, "--read");
}
