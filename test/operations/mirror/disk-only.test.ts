import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmod, chown, link, lstat, mkdir, readFile, symlink, utimes } from "node:fs/promises";
import { readdirSync } from "node:fs";
import { test } from "node:test";
import { startTaggedS3 } from "../../support/flat-s3.ts";
import { mirrorPlace, said, type MirrorPlace, type MirrorReport } from "../../support/mirror.ts";
import type { Store } from "../../../src/stores/store.ts";
import { hasCode } from "../../stores/contract/put.ts";

const modeOf = async (path: string) => (await lstat(path)).mode & 0o7777;
const foldersOf = (path: string) =>
  readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => `${entry.parentPath}/${entry.name}`.slice(path.length + 1))
    .sort();

test("--copy-modes: copies get the source's permission bits; a changed mode alone copies no bytes", async () => {
  await using at = await mirrorPlace();
  const input = { copyModes: true };
  await at.write("source/run", "#!/bin/sh");
  await at.write("source/large", Buffer.alloc(100_000, "x"));
  await chmod(at.path("source/run"), 0o6750);
  await chmod(at.path("source/large"), 0o600);
  const first = await at.mirror({ input });
  assert.deepEqual([first.summary.copied, first.summary.modes], [2, 0]);
  assert.equal(await modeOf(at.path("target/run")), 0o750, "without setuid and setgid");
  assert.equal(await modeOf(at.path("target/large")), 0o600);
  assert.deepEqual(said(await at.mirror({ input })), ["large: same skipped", "run: same skipped"]);

  await chmod(at.path("source/run"), 0o200);
  await chmod(at.path("target/large"), 0o444);
  const { ino } = await lstat(at.path("target/large"));
  const second = await at.mirror({ input });
  assert.deepEqual(second.items.map(({ key, outcome, reason }) => `${key} ${outcome} ${reason}`).sort(), [
    "large skipped mode 444 becomes 600",
    "run skipped mode 750 becomes 200",
  ]);
  assert.deepEqual([second.summary.copied, second.summary.skipped, second.summary.modes], [0, 2, 2]);
  assert.equal(await modeOf(at.path("target/run")), 0o200);
  assert.equal((await lstat(at.path("target/large"))).ino, ino, "the file was not written again");
  assert.equal((await at.mirror({ input })).summary.modes, 0);
});

test("a copy has the mode of a new file without the option, and a changed mode is no difference", async () => {
  await using at = await mirrorPlace();
  await at.write("source/run", "#!/bin/sh");
  await chmod(at.path("source/run"), 0o750);
  await at.mirror();
  assert.equal(await modeOf(at.path("target/run")), 0o666 & ~process.umask());
  assert.deepEqual(said(await at.mirror()), ["run: same skipped"]);
});

test("where the target folds case, the second of two names that differ only in case is a mismatch", async () => {
  await using at = await mirrorPlace();
  for (const name of ["source/a/File", "source/a/file", "source/other"]) await at.write(name, name);
  const both = { "a/File": "copied", "a/file": "copied", other: "copied" };
  const wrap = (store: Store, end: string): Store =>
    end === "source" ? store : { ...store, foldsCase: () => Promise.resolve(true) };
  const outcomes = ({ items }: MirrorReport) => Object.fromEntries(items.map(({ key, outcome }) => [key, outcome]));
  const folded = await at.mirror({ wrap });
  assert.deepEqual(outcomes(folded), { ...both, "a/file": "mismatch" });
  assert.match(folded.items.find(({ key }) => key === "a/file")?.reason ?? "", /only in upper and lower case/);
  assert.deepEqual(outcomes(await at.mirror()), { "a/File": "skipped", "a/file": "copied", other: "skipped" });
});

/** What a line of Python prints about a path: Node has no extended attributes. Undefined: it failed. */
function python(line: string, path: string): string | undefined {
  const { status, stdout } = spawnSync("python3", ["-c", `import os, sys; ${line}`, path], { encoding: "utf8" });
  return status === 0 ? stdout.trim() : undefined;
}

/** Empty directories on both sides, equal and different. */
async function unequalTrees(at: MirrorPlace): Promise<void> {
  for (const folder of ["source/new/deep", "source/same", "target/same", "target/old/deep", "source/was-full", "source/logs/x"])
    await mkdir(at.path(folder), { recursive: true }); // prettier-ignore
  await mkdir(at.path("target/linked"));
  await symlink("new", at.path("source/linked"));
  await at.write("source/kept/file", "x");
  await at.write("target/kept/file", "x");
  await mkdir(at.path("target/kept/extra"));
  await at.write("target/was-full/extra", "x");
}

test("--empty-dirs: the trees are equal afterwards; filters, links and full directories are left alone", async () => {
  await using at = await mirrorPlace();
  await unequalTrees(at);
  const report = await at.mirror({ input: { emptyFolders: true }, filter: { exclude: ["logs/"] } });
  const folders = report.items.filter(({ key }) => key.endsWith("/")).map(({ key, outcome }) => `${key} ${outcome}`);
  assert.deepEqual(folders.sort(), [
    "kept/extra/ folder-deleted",
    "new/ folder-made",
    "new/deep/ folder-made",
    "old/ folder-deleted",
    "old/deep/ folder-deleted",
  ]);
  assert.deepEqual([report.summary.foldersMade, report.summary.foldersDeleted], [2, 3]);
  assert.deepEqual(foldersOf(at.target.path), ["kept", "linked", "new", "new/deep", "same", "was-full"]);
  const again = await at.mirror({ input: { emptyFolders: true }, filter: { exclude: ["logs/"] } });
  assert.deepEqual([again.summary.foldersMade, again.summary.foldersDeleted], [0, 0]);
});

test("empty directories of the target stay, and the source's are not made, without the option or with --no-delete", async () => {
  await using at = await mirrorPlace();
  await unequalTrees(at);
  const before = foldersOf(at.target.path);
  await at.mirror({ input: { noDelete: true } });
  assert.deepEqual(foldersOf(at.target.path), before);
  const { summary } = await at.mirror({ input: { noDelete: true, emptyFolders: true } });
  assert.deepEqual([summary.foldersMade, summary.foldersDeleted], [4, 0]);
});

test("deletes of directories are guarded as those of files are, together with them", async () => {
  await using at = await mirrorPlace();
  await unequalTrees(at);
  const input = { emptyFolders: true, maxDelete: { count: 3 } };
  const before = foldersOf(at.target.path);
  const refused = await at.mirror({ input });
  assert.equal(refused.error?.code, "refused");
  assert.match(refused.error.message, /with empty directories, 4 blobs would be deleted/);
  assert.deepEqual(foldersOf(at.target.path), before);
  assert.equal(await readFile(at.path("target/was-full/extra"), "utf8"), "x");
  const asked: unknown[] = [];
  const approve = async (...question: unknown[]) =>
    void asked.push(question.filter((word) => typeof word !== "string" || !word.startsWith("/")));
  await at.mirror({ input: { emptyFolders: true, approve } });
  assert.deepEqual(asked, [[1], [3, "directory"]]);
});

test("--empty-dirs: directories in the place of a file are no deletes of their own; none is made below a link", async () => {
  await using at = await mirrorPlace();
  await at.write("source/a", "file");
  await at.write("target/a/x", "x");
  await mkdir(at.path("target/a/e/deep"), { recursive: true });
  await mkdir(at.path("source/linked/e"), { recursive: true });
  await mkdir(at.path("elsewhere"));
  await symlink(at.path("elsewhere"), at.path("target/linked"));
  const { error, summary } = await at.mirror({ input: { emptyFolders: true, maxDelete: undefined } });
  assert.equal(error, undefined, "half of the target is not exceeded");
  assert.deepEqual([summary.copied, summary.deleted, summary.failed, summary.foldersMade], [1, 1, 0, 0]);
  assert.equal(await readFile(at.path("target/a"), "utf8"), "file");
  assert.deepEqual(readdirSync(at.path("elsewhere")), []);
});

test("both options are refused where an end is no disk", async () => {
  await using at = await mirrorPlace();
  await using s3 = await startTaggedS3();
  for (const [input, hint] of [[{ copyModes: true }, "leave out --copy-modes"], [{ emptyFolders: true }, "leave out --empty-dirs"]] as const) {
    await assert.rejects(at.mirror({ target: s3.config("b"), input }), (error) => {
      assert.equal((error as { hint?: string }).hint, hint);
      return hasCode("usage")(error);
    });
  } // prettier-ignore
});

test("what a mirror leaves out: owners, extended attributes, times and modes of directories, links between names, setuid", async () => {
  await using at = await mirrorPlace();
  await at.write("source/folder/one", Buffer.alloc(300_000, "x")); // copied by the kernel
  await link(at.path("source/folder/one"), at.path("source/folder/two"));
  if (process.getuid?.() === 0) await chown(at.path("source/folder/one"), 1234, process.getgid?.() ?? 0);
  await chmod(at.path("source/folder"), 0o700);
  await utimes(at.path("source/folder"), 1000, 1000);
  const [mark, attributes] = ["os.setxattr(sys.argv[1], 'user.mark', b'x')", "print(os.listxattr(sys.argv[1]))"];
  const hasAttributes = python(mark, at.path("source/folder/one")) !== undefined;
  await at.mirror();
  if (hasAttributes) assert.equal(python(attributes, at.path("target/folder/one")), "[]");
  const [one, two, folder] = await Promise.all(["one", "two", ""].map((name) => lstat(at.path("target/folder", name))));
  assert.ok(one !== undefined && two !== undefined && folder !== undefined);
  assert.deepEqual([one.uid, one.nlink, two.nlink], [process.getuid?.(), 1, 1]);
  assert.notEqual(one.ino, two.ino);
  assert.equal(one.mtimeMs, (await lstat(at.path("source/folder/one"))).mtimeMs);
  assert.equal(folder.mode & 0o777, 0o777 & ~process.umask());
  assert.ok(folder.mtimeMs > 1_000_000);
});
