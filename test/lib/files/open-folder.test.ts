import assert from "node:assert/strict";
import { lstatSync, mkdirSync, readdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { unlink } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { openFolder, openFolderBelow, openFolderSync, type FolderAccess } from "../../../src/lib/files/open-folder.ts";
import { temporaryFolder } from "../../support/temporary-disk.ts";

const kinds: FolderAccess[] = process.platform === "linux" ? ["handles", "names"] : ["names"];

/** A folder `shared`, in which others may write, and a folder `private` that it must not lead to. */
async function place() {
  const { path, cleanup } = await temporaryFolder();
  for (const folder of ["shared/inner/deep", "private"]) mkdirSync(join(path, folder), { recursive: true });
  writeFileSync(join(path, "shared/inner/file"), "shared");
  writeFileSync(join(path, "private/file"), "secret");
  return { at: (name: string) => join(path, name), [Symbol.asyncDispose]: cleanup };
}

for (const access of kinds)
  describe(`a folder that is used by ${access}`, () => {
    test("leads to what is below it, and creates folders when asked", async () => {
      await using files = await place();
      using inner = await openFolderBelow(files.at("shared"), ["inner"], { access });
      assert.equal(inner.path, files.at("shared/inner"));
      assert.equal(readFileSync(inner.at("file"), "utf8"), "shared");
      assert.deepEqual(readdirSync(inner.self).toSorted(), ["deep", "file"]);
      await assert.rejects(inner.folder("new"), { code: "ENOENT" });
      using made = await openFolderBelow(files.at("shared"), ["inner", "new", "er"], { access, create: true });
      assert.equal(made.path, files.at("shared/inner/new/er"));
      assert.ok(lstatSync(files.at("shared/inner/new/er")).isDirectory());
      using sync = openFolderSync(files.at("shared"), access);
      using syncInner = sync.folderSync("inner");
      using _again = syncInner.folderSync("sync", { create: true });
      assert.ok(lstatSync(files.at("shared/inner/sync")).isDirectory());
    });

    test("follows links in the path of the root, and nowhere below it", async () => {
      await using files = await place();
      symlinkSync(files.at("shared"), files.at("link"));
      symlinkSync(files.at("private"), files.at("shared/inner/out"));
      using inner = await openFolderBelow(files.at("link"), ["inner"], { access });
      assert.equal(readFileSync(inner.at("file"), "utf8"), "shared");
      for (const create of [false, true]) {
        const refused = { code: "ELOOP", message: /inner\/out' ?|is a symbolic link/ };
        await assert.rejects(inner.folder("out", { create }), refused);
        assert.throws(() => inner.folderSync("out", { create }), refused);
      }
      await assert.rejects(inner.folder("file"), { code: "ENOTDIR" });
    });

    test("never leads through a link that replaces it after it was opened", async () => {
      await using files = await place();
      using inner = await openFolderBelow(files.at("shared"), ["inner"], { access });
      renameSync(files.at("shared/inner"), files.at("shared/.moved"));
      symlinkSync(files.at("private"), files.at("shared/inner"));
      const read = () => readFileSync(inner.at("file"), "utf8");
      // a handle still leads to the folder that was opened; by name there is nothing to lead to
      if (access === "handles") assert.equal(read(), "shared");
      else assert.throws(read, { code: "ELOOP" });
      const deletion = (async () => unlink(inner.at("file")))();
      if (access === "handles") await deletion;
      else await assert.rejects(deletion, { code: "ELOOP" });
      assert.equal(readFileSync(files.at("private/file"), "utf8"), "secret");
    });

    test("notices that it was replaced by another folder", async () => {
      await using files = await place();
      using inner = await openFolderBelow(files.at("shared"), ["inner"], { access });
      renameSync(files.at("shared/inner"), files.at("shared/.moved"));
      renameSync(files.at("private"), files.at("shared/inner"));
      if (access === "handles") assert.equal(readFileSync(inner.at("file"), "utf8"), "shared");
      else assert.throws(() => inner.at("file"), { code: "ENOENT" });
    });

    test("has no entry whose name leads elsewhere", async () => {
      await using files = await place();
      using inner = await openFolderBelow(files.at("shared"), ["inner"], { access });
      for (const name of ["", ".", "..", "../x", "deep/x", "/etc", "a\0b"])
        assert.throws(() => inner.at(name), { code: "EINVAL" }, JSON.stringify(name));
      await assert.rejects(inner.folder(".."), { code: "EINVAL" });
    });

    test("names its own path in errors", async () => {
      await using files = await place();
      using inner = await openFolderBelow(files.at("shared"), ["inner"], { access });
      const error = await unlink(inner.at("missing")).catch((failure: unknown) => inner.explain(failure));
      assert.equal(
        (error as Error).message,
        `ENOENT: no such file or directory, unlink '${files.at("shared/inner")}/missing'`,
      );
      assert.equal((error as NodeJS.ErrnoException).path, files.at("shared/inner/missing"));
    });

    test("leaves no file handle open", { skip: process.platform !== "linux" && "needs /proc" }, async () => {
      await using files = await place();
      const count = () => readdirSync("/proc/self/fd").length;
      const before = count();
      for (let i = 0; i < 3; i++) {
        (await openFolderBelow(files.at("shared"), ["inner", "deep"], { access }))[Symbol.dispose]();
        await assert.rejects(openFolderBelow(files.at("shared"), ["inner", "missing", "x"], { access }));
      }
      assert.equal(count(), before);
    });
  });

test("a root that does not exist or is a file is refused", async () => {
  await using files = await place();
  await assert.rejects(openFolder(files.at("missing")), { code: "ENOENT" });
  if (process.platform === "linux") await assert.rejects(openFolder(files.at("private/file")), { code: "ENOTDIR" });
});
