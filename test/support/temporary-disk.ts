import { readdirSync, realpathSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { openDiskStore } from "../../src/stores/disk/store.ts";
import type { Store } from "../../src/stores/store.ts";

export async function temporaryFolder(): Promise<{ path: string; cleanup(): Promise<void> }> {
  const path = realpathSync(await mkdtemp(join(tmpdir(), "feedctl-disk-")));
  return { path, cleanup: () => rm(path, { recursive: true, force: true }) };
}

/** A disk store whose root does not exist yet, in a folder that is deleted after the test. */
export async function openTemporaryDisk(t: TestContext): Promise<{ store: Store; root: string; outside: string }> {
  const { path, cleanup } = await temporaryFolder();
  t.after(cleanup);
  const root = join(path, "store");
  return { store: await openDiskStore({ type: "disk", path: root }), root, outside: path };
}

/** All paths below the root, including temporary files and empty folders. */
export function everything(root: string): string[] {
  return readdirSync(root, { recursive: true, encoding: "utf8" }).sort();
}
