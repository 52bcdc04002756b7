import { randomBytes } from "node:crypto";
import type { ContainerClient } from "@azure/storage-blob";
import { startAzurite } from "../azurite.ts";
import type { Installation } from "../databases.ts";
import { startFakeGcs } from "../fake-gcs.ts";
import { serverEnv } from "../kill-scenarios.ts";
import { type S3Server, startS3, startVersionedS3 } from "../s3-server.ts";
import { uniqueName } from "../shared-servers.ts";
import { isBlobName } from "../store-files.ts";
import { diskPlace, type Place } from "./world.ts";

export const kinds = ["disk", "s3", "versioned s3", "azure", "gcs"] as const;
type Kind = (typeof kinds)[number];

/** A place of each kind, whose blobs are listed and written by the provider's own client. */
export interface TruthStores extends AsyncDisposable {
  readonly env: Record<string, string>;
  /** Undefined where this machine has no server of that kind. */
  place(place: Installation, kind: Kind, name: string): Place | undefined;
}

export async function truthStores(): Promise<TruthStores> {
  const bucket = uniqueName("truth");
  const [s3, versioned, azurite, gcs] = await Promise.all([
    startS3(),
    startVersionedS3(),
    startAzurite(),
    startFakeGcs(),
  ]);
  await Promise.all([s3.createBucket(bucket), versioned?.createBucket(bucket), gcs?.createBucket(bucket)]);
  await versioned?.client.putBucketVersioning({ Bucket: bucket, VersioningConfiguration: { Status: "Enabled" } });
  const container = await azurite.createContainer(bucket);
  return {
    env: serverEnv({ s3, azurite }),
    place(place, kind, name) {
      const path = `${randomBytes(4).toString("hex")}-${name}`;
      if (kind === "disk") return diskPlace(place.path("stores", name));
      if (kind === "azure") return azurePlace(container, path);
      if (kind === "gcs") return gcs && gcsPlace(gcs.endpoint, bucket, path);
      const server = kind === "s3" ? s3 : versioned;
      return server && s3Place(server, bucket, path);
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([s3.stop(), versioned?.stop(), azurite.stop(), gcs?.stop()]);
    },
  };
}

/** Sizes by key, from the names of objects below `path`. */
function below(path: string, objects: Iterable<readonly [name: string, size: number]>): Map<string, number> {
  const inside = [...objects].filter(([name]) => name.startsWith(`${path}/`) && isBlobName(name));
  return new Map(inside.map(([name, size]) => [name.slice(path.length + 1), size]));
}

function s3Place({ client, endpoint }: S3Server, bucket: string, path: string): Place {
  const keys = ["--access-key", "env:TEST_ACCESS_KEY", "--secret-key", "env:TEST_SECRET_KEY"];
  return {
    async list() {
      const { Contents = [] } = await client.listObjectsV2({ Bucket: bucket, Prefix: `${path}/` });
      return below(
        path,
        Contents.map(({ Key = "", Size = 0 }) => [Key, Size] as const),
      );
    },
    async put(key, bytes) {
      await client.putObject({ Bucket: bucket, Key: `${path}/${key}`, Body: bytes });
    },
    options: ["s3", "--bucket", bucket, "--target-path", path, "--endpoint", endpoint, "--path-style", ...keys],
  };
}

function azurePlace(container: ContainerClient, path: string): Place {
  return {
    async list() {
      const found: [string, number][] = [];
      for await (const { name, properties } of container.listBlobsFlat({ prefix: `${path}/` }))
        found.push([name, properties.contentLength ?? 0]);
      return below(path, found);
    },
    async put(key, bytes) {
      await container.getBlockBlobClient(`${path}/${key}`).uploadData(bytes);
    },
    options: [
      "azure",
      "--container",
      container.containerName,
      "--target-path",
      path,
      "--connection-string",
      "env:TEST_CONNECTION",
    ],
  };
}

function gcsPlace(endpoint: string, bucket: string, path: string): Place {
  return {
    async list() {
      const answer = await fetch(`${endpoint}/storage/v1/b/${bucket}/o?prefix=${path}/`);
      const { items = [] } = (await answer.json()) as { items?: { name: string; size: string }[] };
      return below(
        path,
        items.map(({ name, size }) => [name, Number(size)] as const),
      );
    },
    async put(key, bytes) {
      const name = encodeURIComponent(`${path}/${key}`);
      const url = `${endpoint}/upload/storage/v1/b/${bucket}/o?uploadType=media&name=${name}`;
      const answer = await fetch(url, { method: "POST", body: new Uint8Array(bytes) });
      if (!answer.ok) throw new Error(await answer.text());
    },
    options: ["gcs", "--bucket", bucket, "--target-path", path, "--endpoint", endpoint, "--anonymous"],
  };
}
