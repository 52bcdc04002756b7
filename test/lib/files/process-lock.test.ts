import assert from "node:assert/strict";
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import fs, { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { pathToFileURL } from "node:url";
import {
  lockOwnerName,
  tryProcessLock,
  type LockOwner,
  type ProcessLock,
} from "../../../src/lib/files/process-lock.ts";

const directory = mkdtempSync(join(tmpdir(), "feedctl-lock-"));
after(() => rmSync(directory, { recursive: true, force: true }));

const library = pathToFileURL(
  join(import.meta.dirname, "..", "..", "..", "src", "lib", "files", "process-lock.ts"),
).href;
const start = `import { tryProcessLock } from ${JSON.stringify(library)}; const [path] = process.argv.slice(1);`;
/** Acquires the lock, says so, and keeps it until stdin ends. */
const holder = `${start} const lock = await tryProcessLock(path);
  console.log("release" in lock ? "locked" : JSON.stringify(lock));
  process.stdin.on("end", async () => { await lock.release?.(); process.exit(); }).resume();`;

function argumentsOf(script: string, path: string): string[] {
  return ["--input-type=module", "-e", script, path];
}

async function hold(path: string, enter: readonly string[] = []): Promise<ChildProcess> {
  const [command = "", ...rest] = [...enter, process.execPath, ...argumentsOf(holder, path)];
  const child = spawn(command, rest, { stdio: ["pipe", "pipe", "inherit"] });
  child.stdout.setEncoding("utf8");
  const [said] = (await once(child.stdout, "data")) as [string];
  assert.equal(said.trim(), "locked");
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  child.kill("SIGKILL");
  await once(child, "exit");
}

function owned(lock: ProcessLock | LockOwner): ProcessLock {
  assert.ok("release" in lock, JSON.stringify(lock));
  return lock;
}

describe("a lock file", () => {
  test("excludes other processes, names its owner, and is deleted when it is released", async () => {
    const path = join(directory, "one.lock");
    const child = await hold(path);
    const refused = (await tryProcessLock(path)) as LockOwner;
    assert.deepEqual(refused, { pid: child.pid, host: hostname() });
    assert.equal(lockOwnerName(refused), `process ${child.pid} on ${hostname()}`);
    child.stdin?.end();
    await once(child, "exit");
    assert.equal(existsSync(path), false);
    await owned(await tryProcessLock(path)).release();
    assert.deepEqual(readdirSync(directory), []);
  });

  test("of a killed process is free, whatever the file holds", async () => {
    const path = join(directory, "killed.lock");
    await kill(await hold(path));
    assert.ok(existsSync(path));
    const alive = JSON.stringify({ pid: process.ppid, host: hostname() });
    for (const content of [undefined, "", "rubbish", alive, "x".repeat(10_000)]) {
      if (content !== undefined) writeFileSync(path, content);
      const lock = owned(await tryProcessLock(path));
      assert.deepEqual(JSON.parse(readFileSync(path, "utf8")), { pid: process.pid, host: hostname() });
      await lock.release();
    }
  });

  test("excludes its own process too, by any name of the file, and stays held after the attempt", async () => {
    const path = join(directory, "own.lock");
    const lock = owned(await tryProcessLock(path));
    const other = join(directory, "folder");
    symlinkSync(directory, other);
    for (const name of [path, join(other, "own.lock")])
      assert.deepEqual(await tryProcessLock(name), { pid: process.pid, host: hostname() });
    const child = spawnSync(process.execPath, argumentsOf(holder, path), { encoding: "utf8", input: "" });
    assert.deepEqual(JSON.parse(child.stdout), { pid: process.pid, host: hostname() });
    await lock.release();
    await lock.release();
    await owned(await tryProcessLock(path)).release();
  });

  test("of a process that says nothing about itself is not taken over", async () => {
    const path = join(directory, "silent.lock");
    const child = await hold(path);
    writeFileSync(path, "");
    assert.equal(lockOwnerName((await tryProcessLock(path)) as LockOwner), "another process");
    await kill(child);
  });

  test("excludes a process of another PID namespace, which does not see the holder", async (t) => {
    const enter = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc"];
    const tried = spawnSync(enter[0]!, [...enter.slice(1), "true"], { encoding: "utf8" });
    if (tried.status !== 0) return t.skip(`no PID namespaces: ${tried.error?.message ?? tried.stderr.trim()}`);
    const path = join(directory, "namespace.lock");
    const child = await hold(path, enter);
    const refused = (await tryProcessLock(path)) as LockOwner;
    assert.equal(refused.pid, 1, "the pid in the holder's namespace, which is another process here");
    const other = spawnSync(enter[0]!, [...enter.slice(1), process.execPath, ...argumentsOf(holder, path)], {
      encoding: "utf8",
      input: "",
    });
    assert.deepEqual(JSON.parse(other.stdout), refused, other.stderr);
    child.stdin?.end();
    await once(child, "exit");
    await owned(await tryProcessLock(path)).release();
  });

  test("that was deleted and made again by others is not deleted by its last holder", async () => {
    const path = join(directory, "replaced.lock");
    const lock = owned(await tryProcessLock(path));
    rmSync(path);
    const child = await hold(path);
    await lock.release();
    assert.deepEqual(await tryProcessLock(path), { pid: child.pid, host: hostname() });
    await kill(child);
  });

  test("that its last holder deletes meanwhile is created again", async () => {
    const path = join(directory, "deleted.lock");
    const original = fs.fstatSync;
    let deletions = 0;
    try {
      // Called when the file is locked: as if the last holder had deleted it between its opening and that moment.
      fs.fstatSync = ((...parameters: Parameters<typeof original>) => {
        if (deletions++ === 0) fs.unlinkSync(path);
        return original(...parameters);
      }) as typeof original;
      syncBuiltinESMExports();
      const lock = owned(await tryProcessLock(path));
      const child = spawnSync(process.execPath, argumentsOf(holder, path), { encoding: "utf8", input: "" });
      assert.deepEqual(JSON.parse(child.stdout), { pid: process.pid, host: hostname() });
      await lock.release();
    } finally {
      fs.fstatSync = original;
      syncBuiltinESMExports();
    }
    assert.ok(deletions > 1);
  });

  test("is held by one of many processes at a time, although each deletes the file", async () => {
    const path = join(directory, "many.lock");
    const inside = join(directory, "inside");
    const script = `${start} import { unlinkSync, writeFileSync } from "node:fs";
      for (let turns = 0; turns < 200; ) {
        const lock = await tryProcessLock(path);
        if (!("release" in lock)) continue;
        writeFileSync(${JSON.stringify(inside)}, "", { flag: "wx" });
        unlinkSync(${JSON.stringify(inside)});
        await lock.release();
        turns++;
      }`;
    const children = Array.from({ length: 4 }, () =>
      spawn(process.execPath, argumentsOf(script, path), { stdio: ["ignore", "inherit", "inherit"] }),
    );
    const codes = await Promise.all(children.map(async (child) => ((await once(child, "exit")) as [number])[0]));
    assert.deepEqual(codes, [0, 0, 0, 0], "nobody found another process inside");
  });
});
