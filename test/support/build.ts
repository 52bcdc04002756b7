import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { PATIENCE } from "./wait.ts";

export const repository = join(import.meta.dirname, "..", "..");

let checked: Promise<void> | undefined;

/** Builds dist when it is older than src, so that the binary under test is the current code. Once per process. */
export function freshBuild(): Promise<void> {
  return (checked ??= buildWhenStale());
}

async function buildWhenStale(): Promise<void> {
  // A directory as a lock: test files run at the same time, and half-written modules must not be loaded.
  const lock = join(repository, "node_modules", ".feedctl-build");
  for (const deadline = Date.now() + PATIENCE; ;) {
    try {
      mkdirSync(lock);
      writeFileSync(join(lock, "pid"), String(process.pid));
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      if (isAbandoned(lock)) {
        rmSync(lock, { recursive: true, force: true });
        continue;
      }
      if (Date.now() > deadline)
        throw new Error(`another test is still building; if none is, remove ${lock}`, { cause: error });
      await sleep(50);
    }
  }
  try {
    if (newestSource() < builtAt()) return;
    const built = spawnSync("npm run --silent build", { cwd: repository, encoding: "utf8", shell: true });
    if (built.status !== 0) throw new Error(`the build failed:\n${built.stdout}${built.stderr}`);
  } finally {
    rmSync(lock, { recursive: true, force: true });
  }
}

/** Whether the process that builds was killed. */
function isAbandoned(lock: string): boolean {
  try {
    process.kill(Number(readFileSync(join(lock, "pid"), "utf8")), 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ESRCH";
  }
}

function newestSource(): number {
  const source = join(repository, "src");
  const files = readdirSync(source, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts"));
  return Math.max(...files.map((name) => statSync(join(source, name)).mtimeMs));
}

function builtAt(): number {
  return statSync(join(repository, "dist", "main.js"), { throwIfNoEntry: false })?.mtimeMs ?? 0;
}
