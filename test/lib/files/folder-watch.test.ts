import assert from "node:assert/strict";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  type watch,
} from "node:fs";
import { platform, tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test, type TestContext } from "node:test";
import { createFolderWatch, type FolderWatchOptions } from "../../../src/lib/files/folder-watch.ts";

/** A watched folder `drop`, with a folder in it. */
async function watched(t: TestContext, options: FolderWatchOptions = {}) {
  const root = mkdtempSync(join(tmpdir(), "feedctl-watch-"));
  const drop = join(root, "drop");
  mkdirSync(join(drop, "inner"), { recursive: true });
  const folders = createFolderWatch({ pause: 1, check: 5, ...options });
  t.after(() => {
    folders[Symbol.dispose]();
    rmSync(root, { recursive: true });
  });
  await folders.follow([drop]);
  return { root, drop, folders };
}

const never = new AbortController().signal;
const HOUR = 3_600_000;

describe("a folder watch", () => {
  test("hears of files in folders, old and new", async (t) => {
    const { drop, folders } = await watched(t);
    for (const path of ["a", "inner/b"]) {
      const heard = folders.wait(HOUR, never);
      writeFileSync(join(drop, path), "");
      await heard;
    }
    const heard = folders.wait(HOUR, never);
    mkdirSync(join(drop, "later"));
    await heard;
    await folders.follow([drop]);
    const inside = folders.wait(HOUR, never);
    writeFileSync(join(drop, "later", "c"), "");
    await inside;
  });

  for (const [title, change] of [
    ["made anew", (drop: string) => (rmSync(drop, { recursive: true }), mkdirSync(drop))],
    ["moved away, with another in its place", (drop: string) => (renameSync(drop, `${drop}-old`), mkdirSync(drop))],
  ] as const)
    test(`notices that its folder was ${title}, and watches the other`, async (t) => {
      const replaced: string[] = [];
      const { drop, folders } = await watched(t, { replaced: (folder) => replaced.push(folder) });
      const noticed = folders.wait(HOUR, never);
      change(drop);
      await noticed;
      assert.deepEqual(replaced, [drop]);
      const heard = folders.wait(HOUR, never);
      writeFileSync(join(drop, "file"), "");
      await heard;
    });

  const isLinux = platform() === "linux" ? false : "only Linux has a quota of watches";
  test("watches folders, not files", { skip: isLinux }, async (t) => {
    const before = inotifyWatches();
    const { drop, folders } = await watched(t);
    for (let i = 0; i < 50; i++) writeFileSync(join(drop, "inner", `${i}`), "");
    await folders.follow([drop]);
    assert.equal(inotifyWatches() - before, 2);
    await folders.follow([]);
    assert.equal(inotifyWatches() - before, 0);
  });

  test("says once that the system allows no more watches", async (t) => {
    const exhausted: string[] = [];
    const refuse = () => {
      throw Object.assign(new Error("ENOSPC"), { code: "ENOSPC" });
    };
    const { drop, folders } = await watched(t, {
      exhausted: (folder) => exhausted.push(folder),
      watchFolder: refuse as unknown as typeof watch,
    });
    await folders.follow([drop]);
    assert.deepEqual(exhausted, [drop]);
  });
});

function inotifyWatches(): number {
  const infos = readdirSync("/proc/self/fdinfo").map((fd) => {
    try {
      return readFileSync(`/proc/self/fdinfo/${fd}`, "utf8");
    } catch {
      return "";
    }
  });
  return infos.join("").match(/^inotify wd/gm)?.length ?? 0;
}
