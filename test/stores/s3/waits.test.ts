// An interrupted run must not wait for a server: every wait of the S3 store ends with its signal.
import assert from "node:assert/strict";
import { syncBuiltinESMExports } from "node:module";
import { after, beforeEach, test } from "node:test";
import timers from "node:timers/promises";
import { isFeedctlError } from "../../../src/errors.ts";
import { parseKey } from "../../../src/stores/key.ts";
import { openS3Store } from "../../../src/stores/s3/store.ts";
import { sourceOf } from "../../support/bytes.ts";
import { startFlatS3 } from "../../support/flat-s3.ts";
import { sweepUnfinished } from "../../../src/stores/unfinished.ts";

const real = timers.setTimeout;
let interruption = new AbortController();

/** The run is interrupted as soon as a wait begins, which must then end. */
timers.setTimeout = async (_milliseconds, _value, { signal } = {}) => {
  if (signal === undefined) throw new Error("a wait without the signal");
  interruption.abort();
  throw signal.reason;
};
syncBuiltinESMExports();

after(() => {
  timers.setTimeout = real;
  syncBuiltinESMExports();
});
beforeEach(() => void (interruption = new AbortController()));

test("a put that another writer keeps from a key", async () => {
  await using server = await startFlatS3(({ method }) =>
    method === "PUT" ? { status: 412, body: "<Error><Code>PreconditionFailed</Code></Error>" } : undefined,
  );
  await using store = await openS3Store(server.config("bucket"));
  const put = store.put(parseKey("a"), sourceOf(Buffer.from("a")), { ifExists: "fail", signal: interruption.signal });
  await assert.rejects(put, (error) => isFeedctlError(error, "interrupted"));
  assert.equal(server.requests.filter((each) => each.startsWith("PUT")).length, 1);
});

test("a sweep of an upload whose parts keep arriving", async () => {
  const upload = "<Upload><Key>a</Key><UploadId>1</UploadId><Initiated>2026-01-01T00:00:00Z</Initiated></Upload>";
  const listing = `<ListMultipartUploadsResult><IsTruncated>false</IsTruncated>${upload}</ListMultipartUploadsResult>`;
  await using server = await startFlatS3(({ method }, { searchParams }) => {
    if (searchParams.has("uploads")) return { status: 200, body: listing };
    if (!searchParams.has("uploadId")) return undefined;
    return method === "DELETE" ? { status: 204 } : { status: 200, body: "<ListPartsResult></ListPartsResult>" };
  });
  await using store = await openS3Store(server.config("bucket"));
  const sweep = sweepUnfinished(store, new Date("2026-02-01"), { signal: interruption.signal });
  await assert.rejects(sweep, (error) => isFeedctlError(error, "interrupted"));
});
