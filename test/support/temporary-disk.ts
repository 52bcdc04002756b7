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

/** A disk store whose folder does not exist yet, inside a folder that is removed after the test. */
export async function openTemporaryDisk(t: TestContext): Promise<{ store: Store; root: string; outside: string }> {
  const { path, cleanup } = await temporaryFolder();
  t.after(cleanup);
  const root = join(path, "store");
  return { store: await openDiskStore({ type: "disk", path: root }), root, outside: path };
}

/** Every path below the root, temporary files and empty folders included. */
export function everything(root: string): string[] {
  return readdirSync(root, { recursive: true, encoding: "utf8" }).sort();
}
