import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openDiskStore } from "../../src/stores/disk.ts";
import { storeContract } from "./contract.ts";

async function temporaryRoot(): Promise<{ root: string; cleanup(): Promise<void> }> {
  const root = await mkdtemp(join(tmpdir(), "feedctl-disk-"));
  return { root, cleanup: () => rm(root, { recursive: true, force: true }) };
}

storeContract("disk", {
  async open() {
    const { root, cleanup } = await temporaryRoot();
    return { store: await openDiskStore({ type: "disk", path: join(root, "store") }), cleanup };
  },
  lacks: {
    "a key of 1,024 bytes in two segments": "file systems allow at most 255 bytes in one segment",
  },
});
