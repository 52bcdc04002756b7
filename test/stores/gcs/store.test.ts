import { randomUUID } from "node:crypto";
import { after, test } from "node:test";
import { openGcsStore } from "../../../src/stores/gcs/store.ts";
import { noFakeGcs, startFakeGcs } from "../../support/fake-gcs.ts";
import { storeContract } from "../contract/contract.ts";

const server = await startFakeGcs();
after(() => server?.stop());

if (server === undefined) test("gcs: store contract", { skip: noFakeGcs }, () => {});
else
  storeContract("gcs on fake-gcs-server", {
    async open() {
      const bucket = `test-${randomUUID()}`;
      await server.createBucket(bucket);
      const store = await openGcsStore({ type: "gcs", bucket, endpoint: server.endpoint, anonymous: true });
      return { store, cleanup: async () => {} };
    },
  });
