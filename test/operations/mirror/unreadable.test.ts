import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { everything, temporaryFolder } from "../../support/temporary-disk.ts";
import { PATIENCE } from "../../support/wait.ts";

const run = promisify(execFile);
const NOBODY = 65534;
const feedctl = join(import.meta.dirname, "../../../bin/feedctl.js");

test("a mirror copies all readable files of its source, and deletes nothing when some are not readable", async (t) => {
  const { path, cleanup } = await temporaryFolder();
  t.after(cleanup);
  await chmod(path, 0o755);
  // root can read every file, so another user must run the mirror
  const user = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
  for (const folder of ["data", "source/a", "source/b", "source/c", "target/b"]) {
    await mkdir(join(path, folder), { recursive: true });
  }
  for (const folder of ["data", "target", "target/b"]) await chmod(join(path, folder), 0o777);
  for (const file of ["source/a/1", "source/b/1", "source/c/1", "target/b/1", "target/extra"]) {
    await writeFile(join(path, file), file);
  }
  const mirror = async () => {
    const args = [feedctl, "mirror", join(path, "source"), join(path, "target"), "--yes", "--json"];
    const env = { ...process.env, FEEDCTL_DATA_DIR: join(path, "data"), HOME: join(path, "data") };
    return run(process.execPath, args, { ...user, env, cwd: "/", timeout: PATIENCE }).then(
      ({ stdout }) => ({ code: 0, stdout, stderr: "" }),
      ({ code, stdout, stderr }: { code: number; stdout: string; stderr: string }) => ({ code, stdout, stderr }),
    );
  };
  await chmod(join(path, "source/b"), 0o000);
  const result = await mirror();
  await chmod(join(path, "source/b"), 0o755);
  if (/EACCES.*(bin|dist|src|node_modules)/.test(result.stderr)) return t.skip("another user cannot run this checkout");
  assert.equal(result.code, 6, result.stderr);
  assert.match(result.stderr, /cannot list .*source\/b: permission denied/);
  assert.deepEqual(everything(join(path, "target")), ["a", "a/1", "b", "b/1", "c", "c/1", "extra"]);
  assert.match(result.stdout, /"copied":2,.*"deleted":0/);

  const whole = await mirror();
  assert.equal(whole.code, 0, whole.stderr);
  assert.deepEqual(everything(join(path, "target")), ["a", "a/1", "b", "b/1", "c", "c/1"]);
});
