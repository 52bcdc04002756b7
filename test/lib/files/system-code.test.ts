// Errors of the system that Node has no name for, such as those of NFS.
import assert from "node:assert/strict";
import { test } from "node:test";
import { FeedctlError } from "../../../src/errors.ts";
import { systemCode } from "../../../src/lib/files/system-code.ts";
import { fileError } from "../../../src/operations/local-files/file-source.ts";
import { diskError } from "../../../src/stores/disk/errors.ts";

const failed = (errno: number) => {
  const words = `Unknown system error ${errno}`;
  return Object.assign(new Error(`${words}: ${words}, open '/x'`), { errno, code: words, syscall: "open", path: "/x" });
};

test(
  "a stale handle is an outage of that file, and a used-up quota a full disk, not a bug",
  { skip: process.platform !== "linux" },
  () => {
    assert.equal(systemCode(failed(-116)), "ESTALE");
    assert.equal(systemCode(failed(-4000)), "EUNKNOWN");
    assert.equal(systemCode(Object.assign(new Error("x"), { code: "ERR_STREAM_DESTROYED" })), undefined);
    const stale = fileError(failed(-116));
    assert.ok(stale instanceof FeedctlError);
    assert.equal(`${stale.code}: ${stale.message}`, "unavailable: could not read the file: stale file handle");
    const full = diskError(failed(-122), "write", "/x");
    assert.ok(full instanceof FeedctlError);
    assert.equal(`${full.code}: ${full.message}`, "full: cannot write /x: the disk quota is used up");
  },
);
