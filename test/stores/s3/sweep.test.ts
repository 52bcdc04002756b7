import assert from "node:assert/strict";
import { test } from "node:test";
import { openS3Store } from "../../../src/stores/s3/store.ts";
import { s3Cannot } from "../../support/s3-abilities.ts";
import { startS3 } from "../../support/s3-server.ts";
import { sweepUnfinished } from "../../../src/stores/unfinished.ts";

const skip = s3Cannot("list unfinished uploads");

test(
  "a sweep aborts exactly the unfinished uploads below the store's prefix that are old enough",
  { skip },
  async () => {
    const server = await startS3();
    try {
      const bucket = "sweep-uploads";
      await server.createBucket(bucket);
      const begin = (Key: string) => server.client.createMultipartUpload({ Bucket: bucket, Key });
      await begin("mine/a b+%.bin");
      await begin("mine/sub/c.bin");
      await begin("minefield/x.bin");
      const { accessKey, secretKey, endpoint, region } = server;
      await using store = await openS3Store({
        type: "s3",
        bucket,
        targetPath: "mine",
        endpoint,
        region,
        accessKey,
        secretKey,
        pathStyle: true,
      });
      const unfinished = async () =>
        ((await server.client.listMultipartUploads({ Bucket: bucket })).Uploads ?? [])
          .map((upload) => upload.Key ?? "")
          .toSorted((a, b) => (a < b ? -1 : 1));
      assert.equal(await sweepUnfinished(store, new Date(Date.now() - 3_600_000)), 0);
      assert.equal((await unfinished()).length, 3);
      assert.equal(await sweepUnfinished(store, new Date(Date.now() + 3_600_000)), 2);
      assert.deepEqual(await unfinished(), ["minefield/x.bin"]);
    } finally {
      await server.stop();
    }
  },
);
