import { existsSync, mkdirSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { once } from "node:events";
import { Worker } from "node:worker_threads";

/** A thread that replaces a folder by a symbolic link and back, as fast as it can. */
export interface Swapping extends AsyncDisposable {
  /** How often it has replaced the folder. */
  readonly count: number;
}

/** Starts to swap `folder` with a link to `target`. On disposal `folder` is a folder again. */
export async function startSwapping(folder: string, target: string): Promise<Swapping> {
  const shared = new Int32Array(new SharedArrayBuffer(8));
  const worker = new Worker(new URL(import.meta.url), { workerData: { folder, target, shared } });
  await once(worker, "online");
  return {
    get count() {
      return Atomics.load(shared, 1);
    },
    async [Symbol.asyncDispose]() {
      Atomics.store(shared, 0, 1);
      await once(worker, "exit");
    },
  };
}

const { isMainThread, workerData } = await import("node:worker_threads");
if (!isMainThread && (workerData as { shared?: unknown } | null)?.shared instanceof Int32Array) swap();

function swap(): void {
  const { folder, target, shared } = workerData as { folder: string; target: string; shared: Int32Array };
  const [aside, link] = [`${folder}.aside`, `${folder}.link`];
  const place = (path: string) => {
    for (;;) {
      try {
        // the code under test may have made the folder again meanwhile
        rmSync(folder, { recursive: true, force: true });
        return renameSync(path, folder);
      } catch {}
    }
  };
  while (Atomics.load(shared, 0) === 0) {
    symlinkSync(target, link);
    // the code under test may have deleted the folder as empty
    if (existsSync(folder)) renameSync(folder, aside);
    else mkdirSync(aside);
    place(link);
    Atomics.add(shared, 1, 1);
    place(aside);
  }
}
