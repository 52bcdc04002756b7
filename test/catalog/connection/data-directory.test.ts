import assert from "node:assert/strict";
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { sandbox, type Sandbox } from "../../support/feedctl.ts";

const windows = process.platform === "win32" && "a file's mode says nothing on Windows";
const nobody = 65534;

/** The data directory and everything in it. */
function everything(place: Sandbox): string[] {
  const below = readdirSync(place.data, { recursive: true, encoding: "utf8" });
  return [place.data, ...below.map((name) => join(place.data, name))];
}

function modeOf(path: string): number {
  return statSync(path).mode & 0o777;
}

/** The paths that have another mode than 0700 for folders and 0600 for files. */
function wrongModes(place: Sandbox): string[] {
  return everything(place)
    .filter((path) => modeOf(path) !== (statSync(path).isDirectory() ? 0o700 : 0o600))
    .map((path) => `${path} ${modeOf(path).toString(8)}`);
}

describe("the data directory of the embedded catalog", { skip: windows }, () => {
  test("is its owner's only, whatever the umask", async () => {
    await using place = await sandbox();
    const umask = process.umask(0);
    try {
      assert.equal((await place.feedctl(["feed", "create", "web", "--type", "npm"])).code, 0);
      assert.equal((await place.feedctl(["feed", "create", "other", "--type", "npm"])).code, 0);
    } finally {
      process.umask(umask);
    }
    assert.ok(everything(place).length > 1000);
    assert.deepEqual(wrongModes(place), []);
  });

  test("is its owner's only when a command without a catalog creates it", async () => {
    await using place = await sandbox();
    mkdirSync(place.path("from"));
    writeFileSync(place.path("from", "file"), "x");
    const umask = process.umask(0);
    const { code, stderr } = await place.feedctl(["mirror", "from", "./to", "--yes"]);
    process.umask(umask);
    assert.equal(code, 0, stderr);
    assert.equal(modeOf(place.data), 0o700);
  });

  test("is closed to others when it is opened", async () => {
    await using place = await sandbox();
    assert.equal((await place.feedctl(["feed", "create", "web", "--type", "npm"])).code, 0);
    for (const path of everything(place)) chmodSync(path, statSync(path).isDirectory() ? 0o777 : 0o666);
    const { code, stdout, stderr } = await place.feedctl(["feed", "list"]);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /web/);
    assert.deepEqual(wrongModes(place), []);
  });

  test("keeps its mode when it also holds other things, but is refused when others may write to it", async () => {
    await using place = await sandbox();
    mkdirSync(place.data);
    writeFileSync(join(place.data, "letter.txt"), "somebody's");
    chmodSync(place.data, 0o755);
    const readable = await place.feedctl(["feed", "create", "web", "--type", "npm"]);
    assert.equal(readable.code, 0, readable.stderr);
    assert.deepEqual([modeOf(place.data), modeOf(join(place.data, "catalog"))], [0o755, 0o700]);
    chmodSync(place.data, 0o775);
    const writable = await place.feedctl(["feed", "list"]);
    assert.equal(writable.code, 6, writable.stderr);
    assert.match(
      writable.stderr,
      /error: the data directory .* is refused: other users may write to it\nhint: .*chmod/,
    );
    assert.equal(modeOf(place.data), 0o775);
  });

  test("of another user is refused and not changed", async () => {
    await using place = await sandbox();
    if (process.getuid?.() === 0) {
      mkdirSync(place.data, { mode: 0o755 });
      chownSync(place.data, nobody, nobody);
    }
    const data = process.getuid?.() === 0 ? place.data : "/";
    const { code, stderr } = await place.feedctl(["init"], { env: { FEEDCTL_DATA_DIR: data } });
    assert.equal(code, 6, stderr);
    assert.match(stderr, /error: .* belongs to another user\nhint: run feedctl as that user/);
    assert.equal(existsSync(join(data, "catalog")), false);
  });

  test("with a file that another user could place in the catalog is refused", async (t) => {
    if (process.getuid?.() !== 0) return t.skip("only root can give a file to another user");
    await using place = await sandbox();
    assert.equal((await place.feedctl(["feed", "create", "web", "--type", "npm"])).code, 0);
    const catalog = join(place.data, "catalog");
    const planted = join(catalog, "postgresql.conf");
    chownSync(planted, nobody, nobody);
    chmodSync(catalog, 0o777);
    const { code, stderr } = await place.feedctl(["feed", "list"]);
    assert.equal(code, 6, stderr);
    assert.ok(stderr.includes(`${planted} belongs to another user`), stderr);
    assert.equal(modeOf(catalog), 0o777, "so that it is refused again");
  });
});
