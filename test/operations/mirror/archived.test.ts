import assert from "node:assert/strict";
import { test } from "node:test";
import { startFlatS3 } from "../../support/flat-s3.ts";
import { mirrorPlace, said } from "../../support/mirror.ts";

test("archived objects fail by name in a dry run too, once and without a read; the others are copied", async () => {
  await using at = await mirrorPlace();
  await using server = await startFlatS3();
  const archived = Array.from({ length: 60 }, (_, i) => `b/${String(i).padStart(2, "0")}`);
  for (const name of archived) server.put(`from/${name}`, name, { "x-amz-storage-class": "GLACIER" });
  const restored = { "x-amz-storage-class": "DEEP_ARCHIVE", "x-amz-restore": 'ongoing-request="false"' };
  server.put("from/restored", "r", restored);
  for (const name of ["a", "z"]) server.put(`from/${name}`, name);
  const report = await at.mirror({ source: server.config("from"), input: { retries: 3, concurrency: 4 } });
  assert.deepEqual(
    said(report),
    [
      "a: lonely copied",
      ...archived.map((name) => `${name}: lonely failed`),
      "restored: lonely copied",
      "z: lonely copied",
    ].sort(),
  );
  assert.equal(report.error, undefined, "so many are no outage");
  assert.deepEqual([report.summary.failed, report.summary.archived], [60, 60]);
  assert.equal(report.notices.length, 1);
  assert.match(report.notices[0]!, /holds archived blobs, .* such as "b\/00" \(GLACIER\)/);
  assert.ok(!server.requests.includes("GET /from/b/00"));
});
