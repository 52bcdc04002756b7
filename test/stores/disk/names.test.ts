import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { FeedctlError } from "../../../src/errors.ts";
import { diskError } from "../../../src/stores/disk/errors.ts";
import { diskNameProblem } from "../../../src/stores/disk/names.ts";
import { parseKey as key } from "../../../src/stores/key.ts";

test("a name that is too long for any disk is reported without trying it", () => {
  for (const platform of ["linux", "darwin", "win32"] as const) {
    assert.match(diskNameProblem(key(`a/${"n".repeat(256)}/b`), platform) ?? "", /256 characters/);
    assert.equal(diskNameProblem(key(`a/${"n".repeat(255)}/b`), platform), undefined);
  }
});

describe("names on Windows", () => {
  const rows: [name: string, allowed: boolean][] = [
    ["a/b.txt", true],
    ["console/x", true],
    ["com10", true],
    ["com/1", true],
    ["auxiliary.js", true],
    [".npm", true],
    ["a b/c d", true],
    ["nul-x", true],
    ["x.con", true],
    ["@scope/a+b#c%20", true],
    ["con", false],
    ["a/CON", false],
    ["a/nul.txt", false],
    ["Com1.tar.gz", false],
    ["lpt¹", false],
    ["aux .x", false],
    ["CONIN$", false],
    ["a.", false],
    ["a./b", false],
    ["a ", false],
    ["a:b", false],
    ["a\\b", false],
    ["a?b", false],
    ["a*b", false],
    ['a"b', false],
    ["a<b", false],
    ["a>b", false],
    ["a|b", false],
  ];
  for (const [name, allowed] of rows) {
    test(`${JSON.stringify(name)} is ${allowed ? "allowed" : "not allowed"}`, () => {
      assert.equal(diskNameProblem(key(name), "win32") === undefined, allowed);
      assert.equal(diskNameProblem(key(name), "linux"), undefined);
    });
  }
});

describe("file system errors", () => {
  const rows = {
    ENOENT: "not-found",
    EACCES: "denied",
    EPERM: "denied",
    EROFS: "unavailable",
    ENOSPC: "full",
    EDQUOT: "full",
    EISDIR: "conflict",
    ENOTDIR: "conflict",
    ENAMETOOLONG: "invalid",
    EMFILE: "unavailable",
    EIO: "unavailable",
    ESTALE: "unavailable",
    ETIMEDOUT: "unavailable",
    EBUSY: "unavailable",
    EWHATEVER: "unavailable",
  } as const;
  for (const [errno, code] of Object.entries(rows)) {
    test(`${errno} is ${code}`, () => {
      const cause = Object.assign(new Error("x"), { code: errno, syscall: "open", errno: -5 });
      const error = diskError(cause, "read", "/srv/x") as FeedctlError;
      assert.equal(error.code, code);
      assert.match(error.message, /^cannot read \/srv\/x: \S/);
      assert.equal(error.cause, cause);
    });
  }

  test("an error that no file system call threw is returned unchanged", () => {
    const bug = new TypeError("bug");
    assert.equal(diskError(bug, "read", "/x"), bug);
    const known = new FeedctlError("corrupt", "x");
    assert.equal(diskError(known, "read", "/x"), known);
  });
});
