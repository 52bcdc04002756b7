import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chmod, chown, mkdir, readdir, readFile, rm, stat, symlink, utimes, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { someBytes } from "../../support/bytes.ts";
import { freshBuild } from "../../support/build.ts";
import { binary, isolation, sandbox, type FeedctlResult, type Sandbox } from "../../support/feedctl.ts";
import { skipIfS3Cannot } from "../../support/s3-abilities.ts";
import { type S3Server, startS3 } from "../../support/s3-server.ts";
import { everything } from "../../support/temporary-disk.ts";
import { until } from "../../support/wait.ts";

const run = promisify(execFile);
const MIB = 1024 * 1024;
const NOBODY = 65534;

async function files(place: Sandbox, tree: Record<string, string | Buffer>): Promise<void> {
  const time = new Date("2020-01-01T00:00:00Z");
  for (const [name, content] of Object.entries(tree)) {
    await mkdir(dirname(place.path(name)), { recursive: true });
    await writeFile(place.path(name), content);
    await utimes(place.path(name), time, time);
  }
}

const summaryOf = (result: FeedctlResult) => result.events().at(-1) as Record<string, number | string>;

describe("feedctl mirror", { concurrency: 2 }, () => {
  test("a folder that cannot be read: the status is not 0, and nothing below it is deleted in the target", async (t) => {
    if (process.getuid?.() !== 0) return t.skip("only root can run a process as another user");
    await using place = await sandbox();
    await files(place, { "from/a/1": "x", "from/b/2": "x", "to/a/1": "x", "to/b/2": "x", "to/b/3": "x", "to/0": "x" });
    await chmod(place.path("from/a"), 0);
    for (const name of [".", "to", "to/a", "to/b"]) await chown(place.path(name), NOBODY, NOBODY);
    await freshBuild();
    const env = { ...isolation(place.directory), NODE_DISABLE_COMPILE_CACHE: "1" };
    const args = [binary, "mirror", "from", "to", "--yes", "--max-delete", "100%", "--json"];
    const child = run(process.execPath, args, { cwd: place.directory, env, uid: NOBODY, gid: NOBODY });
    const failed = await child.then(
      () => assert.fail("it succeeded"),
      (error: { code: number; stdout: string; stderr: string }) => error,
    );
    if (/EACCES.*feedctl\.js|Cannot find module/s.test(failed.stderr))
      return t.skip("the user nobody cannot read this checkout");
    assert.equal(failed.code, 6, failed.stderr);
    assert.match(failed.stderr, /cannot list .*from\/a: permission denied/);
    assert.equal((JSON.parse(failed.stdout.trimEnd().split("\n").at(-1)!) as { deleted: number }).deleted, 0);
    assert.deepEqual(everything(place.path("to")), ["0", "a", "a/1", "b", "b/2", "b/3"]);
  });

  test("--json: the last line is the summary, also when a guard refused", async () => {
    await using place = await sandbox();
    await files(place, { "from/a": "12345", "from/b": "x", "to/b": "x", "to/c": "x" });
    const refused = await place.feedctl(["mirror", "from", "to", "--json"]);
    assert.equal(refused.code, 8);
    const { total, copied, skipped, mismatch, failed, extras, deleted, bytes } = summaryOf(refused);
    assert.deepEqual(
      { total, copied, skipped, mismatch, failed, extras, deleted, bytes },
      { total: 2, copied: 1, skipped: 1, mismatch: 0, failed: 0, extras: 1, deleted: 0, bytes: 5 },
    );
    assert.deepEqual(
      refused.events().find(({ key }) => key === "a"),
      { type: "item", class: "lonely", outcome: "copied", key: "a", bytes: 5 },
    );
    const done = await place.feedctl(["mirror", "from", "to", "--json", "--yes"]);
    assert.deepEqual([done.code, summaryOf(done)["deleted"], summaryOf(done)["robocopyStatus"]], [0, 1, 2]);
  });

  test("--exit-code robocopy: robocopy's bits, 8 or more for every failure", async () => {
    await using place = await sandbox();
    await files(place, { "from/a": "x", "from/b": "x", "to/b": "x", "to/extra": "x" });
    const status = async (...args: string[]) =>
      (await place.feedctl(["mirror", "from", "to", "--exit-code", "robocopy", ...args])).code;
    assert.equal(await status(), 1 | 2 | 8, "copied, and the deletes were refused");
    assert.equal(await status("--max-delete", "0", "--yes"), 16, "refused, and nothing was copied");
    assert.equal(await status("--yes"), 2);
    assert.equal(await status(), 0);
    await files(place, { "from/x": "file", "to/gone": "x" });
    await symlink("gone", place.path("to/x"));
    assert.equal(await status("--yes"), 2 | 4);
    assert.equal(await status("--no-such-option"), 16);
    await rm(place.path("from"), { recursive: true });
    assert.equal(await status(), 16);
  });

  test("Ctrl-C: 130, the summary, nothing half visible, and the next run completes", async () => {
    await using place = await sandbox();
    const tree = Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`from/${i}`, Buffer.alloc(50_000, i)]));
    await files(place, { ...tree, "to/extra": "x" });
    const running = await place.start([
      "mirror",
      "from",
      "to",
      "--yes",
      "--bandwidth",
      "1M/s",
      "--threads",
      "2",
      "--json",
    ]);
    await running.shows('"key":"10"');
    running.child.kill("SIGINT");
    const stopped = await running.finished;
    assert.equal(stopped.code, 130, stopped.stderr);
    const { copied, total, failed, deleted } = summaryOf(stopped);
    assert.ok(Number(copied) >= 1 && Number(copied) < 60 && Number(failed) === Number(total) - Number(copied));
    assert.equal(deleted, 0);
    for (const name of everything(place.path("to"))) {
      assert.match(name, /^(\d+|extra)$/);
      if (name !== "extra") assert.equal((await stat(place.path("to", name))).size, 50_000);
    }
    const again = summaryOf(await place.feedctl(["mirror", "from", "to", "--yes", "--json"]));
    assert.deepEqual([again["copied"], again["skipped"], again["deleted"]], [60 - Number(copied), copied, 1]);
  });

  test("a second process ends with status 75 while the first works, and takes over when that is killed", async () => {
    await using place = await sandbox();
    await files(place, { "from/a": Buffer.alloc(500_000), "to/extra": "x" });
    const first = await place.start(["mirror", "from", "to", "--yes", "--bandwidth", "50K", "--verbose"]);
    await first.shows("*EXTRA File").catch(() => {});
    const locked = async () =>
      (await readdir(place.path("data/mirrors")).catch(() => [])).some((each) => each.endsWith(".lock"));
    await until("the first one holds its lock", locked, first);
    const second = await place.feedctl(["mirror", "from", "./from/../to", "--yes"]);
    assert.equal(second.code, 75, second.stderr);
    assert.match(second.stderr, new RegExp(`process ${first.child.pid} on .* is mirroring to .*/to right now`));
    first.child.kill("SIGKILL");
    await first.finished;
    assert.equal((await place.feedctl(["mirror", "from", "to", "--yes", "--max-delete", "1"])).code, 0);
    assert.equal((await stat(place.path("to/a"))).size, 500_000);
  });

  test("--watch: repeated rounds with a summary each, until Ctrl-C; an outage does not end it", async () => {
    await using place = await sandbox();
    await files(place, { "from/a": "x" });
    const running = await place.start(["mirror", "from", "to/", "--yes", "--watch", "100ms", "--json"]);
    await running.shows('"key":"a"');
    await files(place, { "from/b": "x" });
    await running.shows('"key":"b"');
    await rm(place.path("from"), { recursive: true });
    await running.shows("does not exist");
    await files(place, { "from/a": "x", "from/c": "x" });
    await running.shows('"outcome":"deleted","key":"b"');
    running.child.kill("SIGINT");
    const { code, stdout } = await running.finished;
    assert.equal(code, 130);
    assert.ok(stdout.split('"type":"summary"').length > 3);
    assert.deepEqual(everything(place.path("to")), ["a", "c"]);
  });

  test("--log: robocopy's grammar, each line in its column", async () => {
    await using place = await sandbox();
    await files(place, {
      "from/new": "x",
      "from/same": "x",
      "to/same": "x",
      "to/extra": "x",
      "from/x": "f",
      "to/x/y": "d",
    });
    await files(place, { "from/line\nend": "x" });
    await files(place, { "from/linked": "x" });
    await symlink("same", place.path("to/linked"));
    assert.equal((await place.feedctl(["mirror", "from", "to", "--log", "log", "--threads", "1", "--quiet"])).code, 3);
    const lines = (await readFile(place.path("log"), "utf8")).split("\n").slice(0, -2);
    assert.deepEqual(
      lines,
      [
        "*EXTRA File           1  extra",
        "        same          1  same",
        "ERROR                 0  line\\u{a}end: its name holds a control character: not copied",
        "*FOREIGN              0  linked: in the target: a link, a special file, a folder marker or not a valid name: not mirrored",
        "*MISMATCH             1  linked: something of that name exists that is not a regular file",
        "*MISMATCH             1  x: a folder of that name exists, and nothing was deleted",
        "*EXTRA File           1  x/y",
        "  New File            1  new",
      ].sort((a, b) => lines.indexOf(a) - lines.indexOf(b)),
    );
  });
});

describe("feedctl mirror and S3", () => {
  let s3: S3Server;
  before(async () => {
    s3 = await startS3();
    await s3.createBucket("cli");
  });
  after(() => s3.stop());

  const options = (end: string) => [
    `--${end}-endpoint`,
    s3.endpoint,
    `--${end}-region`,
    s3.region,
    `--${end}-path-style`,
  ];
  const install = () => sandbox({ AWS_ACCESS_KEY_ID: s3.accessKey, AWS_SECRET_ACCESS_KEY: s3.secretKey });

  test("killed between the parts of a large blob and its completion: nothing is visible, and the next run completes", async (t) => {
    if (skipIfS3Cannot(t, "list unfinished uploads")) return;
    await using place = await install();
    await files(place, { "from/large": someBytes(40 * MIB), "from/small": "x" });
    const args = ["mirror", "from", "s3://cli/killed", ...options("target"), "--json"];
    const running = await place.start([...args, "--bandwidth", "12M"]);
    const { client } = s3;
    const hasPart = async () => {
      const { Uploads = [] } = await client.listMultipartUploads({ Bucket: "cli" });
      const { Key, UploadId } = Uploads[0] ?? {};
      if (Key === undefined) return false;
      return ((await client.listParts({ Bucket: "cli", Key, UploadId })).Parts ?? []).length > 0;
    };
    await until("a part is stored", hasPart, running);
    running.child.kill("SIGKILL");
    await running.finished;
    const keys = async () =>
      ((await client.listObjectsV2({ Bucket: "cli", Prefix: "killed/" })).Contents ?? []).map(({ Key }) => Key);
    assert.ok(!(await keys()).includes("killed/large"));
    const again = await place.feedctl(args);
    assert.equal(again.code, 0, again.stderr);
    assert.deepEqual(await keys(), ["killed/large", "killed/small"]);
    assert.equal((await place.feedctl(["mirror", "s3://cli/killed", "./back", ...options("source")])).code, 0);
    assert.ok((await readFile(place.path("back/large"))).equals(someBytes(40 * MIB)));
  });

  test("the current store of a feed is refused as target, in any spelling; a source can be a feed's name", async () => {
    await using place = await install();
    await files(place, { "from/a": "x" });
    const store = [
      "--bucket",
      "cli",
      "--target-path",
      "feeds/f1",
      "--endpoint",
      s3.endpoint,
      "--region",
      s3.region,
      "--path-style",
    ];
    for (const args of [
      ["feed", "create", "files", "--type", "asset"],
      ["store", "set", "files", "s3", ...store],
    ]) {
      const { code, stderr } = await place.feedctl(args);
      assert.equal(code, 0, stderr);
    }
    const spelled = s3.endpoint.replace("127.0.0.1", "localhost");
    for (const target of [
      "files",
      "s3://cli/feeds/f1",
      "s3://cli//feeds/f1/",
      "s3://cli/feeds",
      "s3://cli/feeds/f1/below",
    ]) {
      const end =
        target === "files" ? [] : ["--target-endpoint", spelled, "--target-region", s3.region, "--target-path-style"];
      const { code, stderr } = await place.feedctl(["mirror", "from", target, ...end, "--yes"]);
      assert.equal(code, 8, `${target}: ${stderr}`);
      assert.match(stderr, /live files of feed "files"/);
    }
    await s3.client.putObject({ Bucket: "cli", Key: "feeds/f1/asset", Body: "bytes" });
    assert.equal((await place.feedctl(["mirror", "files", "./copy"])).code, 0);
    assert.deepEqual(everything(place.path("copy")), ["asset"]);
  });
});
