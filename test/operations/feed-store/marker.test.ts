import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { test } from "node:test";
import { readMarker } from "../../../src/operations/feed-store/marker.ts";
import { openDiskStore } from "../../../src/stores/disk/store.ts";

test("a file of any size in the marker's place is read only at its beginning", async () => {
  const directory = mkdtempSync(join(tmpdir(), "marker-"));
  try {
    await using store = await openDiskStore({ type: "disk", path: directory });
    let delivered = 0;
    const endless = {
      ...store,
      get: async () =>
        Readable.from(
          (function* () {
            for (let i = 0; i < 1000; i++) {
              delivered += 65_536;
              yield Buffer.alloc(65_536, "x");
            }
          })(),
        ),
    };
    assert.equal(await readMarker(endless, new AbortController().signal), "other");
    assert.ok(delivered < 10 * 2 ** 20, `${delivered} bytes were read`);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
