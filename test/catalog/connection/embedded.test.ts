import assert from "node:assert/strict";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { schemaState } from "../../../src/catalog/connection/migrate.ts";
import { openPglite } from "../../../src/catalog/connection/open-pglite.ts";
import { wasShutDown } from "../../../src/catalog/connection/start-pglite.ts";
import { newestSchema } from "../../../src/catalog/migrations/index.ts";
import { tryProcessLock, type ProcessLock } from "../../../src/lib/files/process-lock.ts";
import { repository } from "../../support/build.ts";
import { sandbox, type Sandbox } from "../../support/feedctl.ts";

const lockOf = (place: Sandbox) => join(place.data, "catalog.lock");

/** Holds the embedded catalog like a running feedctl. */
async function holdCatalog(place: Sandbox): Promise<ProcessLock> {
  mkdirSync(place.data, { recursive: true });
  const lock = await tryProcessLock(lockOf(place));
  assert.ok("release" in lock);
  return lock;
}

/** Leaves the data directory as a killed process does: PostgreSQL reads all files when it starts. */
async function leaveUnclosed(place: Sandbox): Promise<void> {
  const [dir, copy] = [join(place.data, "catalog"), place.path("copy")];
  {
    await using _open = await openPglite({ dataDir: place.data, snapshot: "", wait: 0 });
    cpSync(dir, copy, { recursive: true });
  }
  rmSync(dir, { recursive: true });
  renameSync(copy, dir);
  assert.equal(wasShutDown(dir), false);
}

describe("the embedded catalog", () => {
  test("the first use needs no server, and it and the next are fast", async (t) => {
    await using place = await sandbox();
    for (const [what, ...args] of [
      ["first use, creating the catalog", "init"],
      ["opening it again", "feed", "list"],
    ]) {
      const since = performance.now();
      const { code, stderr } = await place.feedctl(args);
      assert.equal(code, 0, stderr);
      t.diagnostic(`${what}: ${Math.round(performance.now() - since)} ms, Node's start included`);
    }
    assert.deepEqual(readdirSync(place.data), ["catalog"], "nothing but the catalog is left behind");
    const mode = (...path: string[]) => statSync(join(place.data, "catalog", ...path)).mode & 0o777;
    assert.deepEqual([mode(), mode("base"), mode("PG_VERSION")], [0o700, 0o700, 0o600], "its owner's only");
  });

  test("a truncated snapshot is reported, and leaves no catalog", async () => {
    await using place = await sandbox();
    const snapshot = place.path("snapshot.tar.gz");
    const whole = readFileSync(join(repository, "dist", "catalog-snapshot.tar.gz"));
    writeFileSync(snapshot, whole.subarray(0, 100_000));
    await assert.rejects(openPglite({ dataDir: place.data, snapshot, wait: 0 }), { code: "unavailable" });
    assert.deepEqual(readdirSync(place.data), []);
    writeFileSync(snapshot, whole);
    await using catalog = await openPglite({ dataDir: place.data, snapshot, wait: 0 });
    assert.equal((await schemaState(catalog)).version, newestSchema, "it was begun anew");
  });

  test("a second process waits with a message, and fails with 75 after the wait, naming the holder", async () => {
    await using place = await sandbox({ FEEDCTL_LOCK_WAIT: "1" });
    const lock = await holdCatalog(place);
    const { code, stderr } = await place.feedctl(["init"]);
    await lock.release();
    assert.equal(code, 75);
    assert.match(stderr, new RegExp(`waiting for the embedded catalog, in use by process ${process.pid}`));
    assert.match(stderr, /error: the embedded catalog is in use by process \d+/);
  });

  test("a waiting process continues as soon as the holder releases the lock", async () => {
    await using place = await sandbox({ FEEDCTL_LOCK_WAIT: "60" });
    const lock = await holdCatalog(place);
    const waiting = await place.start(["feed", "create", "web", "--type", "npm"]);
    await waiting.shows("waiting for the embedded catalog");
    await lock.release();
    assert.equal((await waiting.finished).code, 0);
  });

  test("a waiting process can be interrupted", async () => {
    await using place = await sandbox({ FEEDCTL_LOCK_WAIT: "60" });
    const lock = await holdCatalog(place);
    const stop = new AbortController();
    const waiting = await place.start(["init"], { signal: stop.signal });
    await waiting.shows("waiting for the embedded catalog");
    stop.abort();
    assert.equal((await waiting.finished).code, 130);
    await lock.release();
  });

  for (const before of ["was closed", "was killed"])
    test(`one process has it although its lock file is deleted, after one that ${before}`, async () => {
      await using place = await sandbox({ FEEDCTL_LOCK_WAIT: "0" });
      assert.equal((await place.feedctl(["feed", "create", "web", "--type", "npm"])).code, 0);
      if (before === "was killed") await leaveUnclosed(place);
      const catalog = await openPglite({ dataDir: place.data, snapshot: "", wait: 0 });
      rmSync(lockOf(place));
      const second = await place.feedctl(["feed", "create", "two", "--type", "npm"]);
      await catalog[Symbol.asyncDispose]();
      assert.equal(second.code, 75, second.stderr);
      assert.match(second.stderr, new RegExp(`in use by process ${process.pid}`));
      const { stdout } = await place.feedctl(["feed", "list"]);
      assert.match(stdout, /^web\b.*\n$/);
    });

  test("it may lie on another disk, and two links to it do not let two processes in", async () => {
    await using place = await sandbox({ FEEDCTL_LOCK_WAIT: "0" });
    assert.equal((await place.feedctl(["feed", "create", "web", "--type", "npm"])).code, 0);
    const [disk, other] = [place.path("disk"), place.path("other")];
    renameSync(join(place.data, "catalog"), disk);
    mkdirSync(other, { mode: 0o700 });
    for (const data of [place.data, other]) symlinkSync(disk, join(data, "catalog"));
    {
      await using _open = await openPglite({ dataDir: other, snapshot: "", wait: 0 });
      assert.equal((await place.feedctl(["feed", "list"])).code, 75);
    }
    const { code, stdout, stderr } = await place.feedctl(["feed", "list"]);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^web\b/);
  });

  test("a link to a disk that is not mounted is reported and never replaced", async () => {
    await using place = await sandbox();
    mkdirSync(place.data, { mode: 0o700 });
    symlinkSync(place.path("disk"), join(place.data, "catalog"));
    for (const args of [["init"], ["feed", "create", "web", "--type", "npm"], ["feed", "list"]]) {
      const { code, stderr } = await place.feedctl(args);
      assert.equal(code, 7);
      assert.match(stderr, /catalog is a link to .*disk, which does not exist\nhint: mount its disk/);
    }
    assert.deepEqual(readdirSync(place.data), ["catalog"]);
  });

  test("the lock of a killed process is free", async () => {
    await using place = await sandbox({ FEEDCTL_LOCK_WAIT: "15" });
    assert.equal((await place.feedctl(["feed", "create", "web", "--type", "npm"])).code, 0);
    const killed = await place.start(["feed", "list"]);
    while (!existsSync(lockOf(place)) && killed.child.exitCode === null) await sleep(1);
    killed.child.kill("SIGKILL");
    assert.equal((await killed.finished).code, null, "it was killed with the lock in its hand");
    assert.equal(existsSync(lockOf(place)), true);
    const { code, stderr } = await place.feedctl(["feed", "list"]);
    assert.equal(code, 0, stderr);
    assert.equal(existsSync(lockOf(place)), false);
  });

  test("four processes at once all get their turn", async () => {
    await using place = await sandbox({ FEEDCTL_LOCK_WAIT: "60" });
    const names = Array.from({ length: 4 }, (_, index) => `feed-${index}`);
    const all = await Promise.all(names.map((name) => place.feedctl(["feed", "create", name, "--type", "npm"])));
    for (const { code, stderr } of all) assert.equal(code, 0, stderr);
    const listed = (await place.feedctl(["feed", "list", "--json"])).json() as { name: string }[];
    assert.deepEqual(
      listed.map(({ name }) => name),
      names,
    );
  });

  test("a damaged catalog is reported and not changed", async () => {
    await using place = await sandbox();
    await place.feedctl(["init"]);
    rmSync(join(place.data, "catalog", "global"), { recursive: true });
    const { code, stderr } = await place.feedctl(["feed", "list"]);
    assert.equal(code, 7, stderr);
    assert.match(stderr, /error: the embedded catalog at .* cannot be opened: .*\nhint: restore/);
    assert.doesNotMatch(stderr, /bug in feedctl/);
    assert.equal(existsSync(lockOf(place)), false);
  });

  test("other files in the catalog's directory, or a data directory that cannot be created, are clear errors", async (t) => {
    await using place = await sandbox();
    mkdirSync(join(place.data, "catalog"), { recursive: true });
    writeFileSync(join(place.data, "catalog", "letter.txt"), "somebody's");
    const other = await place.feedctl(["feed", "list"]);
    assert.equal(other.code, 7, other.stderr);
    assert.deepEqual(readdirSync(join(place.data, "catalog")), ["letter.txt"]);
    writeFileSync(place.path("file"), "");
    const below = await place.feedctl(["init"], { env: { FEEDCTL_DATA_DIR: place.path("file", "data") } });
    assert.equal(below.code, 6, below.stderr);
    assert.match(below.stderr, /data directory .* could not be created/);
    if (process.getuid?.() === 0) return t.diagnostic("as root: a directory without rights is not tried");
    mkdirSync(place.path("closed"));
    chmodSync(place.path("closed"), 0o500);
    const closed = await place.feedctl(["init"], { env: { FEEDCTL_DATA_DIR: place.path("closed") } });
    assert.equal(closed.code, 6, closed.stderr);
  });
});
