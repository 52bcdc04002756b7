import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface SmallDisk extends Disposable {
  readonly path: string;
  /** Uses up all space but `free` bytes; calling it again frees what it used before. */
  fill(free: number): void;
  /** Makes it read-only, as Linux does after an error of the disk. */
  freeze(): void;
}

/** A file system of its own at `path`. Undefined for a user or a system that cannot mount one: not root, not Linux. */
export function mountSmallDisk(path: string, megabytes: number): SmallDisk | undefined {
  mkdirSync(path, { recursive: true });
  const options = ["-t", "tmpfs", "-o", `size=${megabytes}m`, "tmpfs", path];
  if (spawnSync("mount", options).status !== 0) return undefined;
  const filler = join(path, "filler");
  return {
    path,
    fill(free) {
      rmSync(filler, { force: true });
      const left = spawnSync("df", ["--output=avail", "--block-size=1", path], { encoding: "utf8" });
      writeFileSync(filler, Buffer.alloc(Number(left.stdout.trim().split("\n").at(-1)) - free));
    },
    freeze: () => void spawnSync("mount", ["-o", "remount,ro", path]),
    [Symbol.dispose]() {
      spawnSync("umount", [path]);
      rmSync(path, { recursive: true, force: true });
    },
  };
}
