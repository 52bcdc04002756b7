import { after, before } from "node:test";
import { openS3Store } from "../../src/stores/s3.ts";
import type { S3Config } from "../../src/stores/store-types.ts";
import { s3Lacks, s3ServerKind, startS3, type S3Server } from "../support/s3-server.ts";
import { storeContract } from "./contract.ts";

const kind = s3ServerKind();
let server: S3Server;
before(async () => {
  server = await startS3();
});
after(() => server.stop());

let buckets = 0;
async function freshBucket(): Promise<string> {
  const name = `feedctl-test-${process.pid}-${++buckets}`;
  await server.createBucket(name);
  return name;
}

function configFor(bucket: string, more: Partial<S3Config> = {}): S3Config {
  const { endpoint, region, accessKey, secretKey } = server;
  return { type: "s3", bucket, endpoint, region, accessKey, secretKey, pathStyle: true, ...more };
}

storeContract(`s3 on ${kind}`, {
  lacks: s3Lacks[kind],
  open: async () => ({ store: await openS3Store(configFor(await freshBucket())), cleanup: async () => {} }),
});
