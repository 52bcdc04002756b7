// A command must fail soon, with a clear message, when its store is down.
import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { Readable, Writable } from "node:stream";
import { describe, test } from "node:test";
import { loadConfig } from "../../src/cli/frame/config.ts";
import { createContext } from "../../src/cli/frame/context.ts";
import type { Io } from "../../src/cli/frame/io.ts";
import { createRetryLines } from "../../src/cli/frame/retry-lines.ts";
import { FeedctlError } from "../../src/errors.ts";
import { parseKey } from "../../src/stores/key.ts";
import { isolation, sandbox } from "../support/feedctl.ts";

/** A closed port. */
const CLOSED = "http://127.0.0.1:9";
const SECRET = Buffer.from("a test's own key").toString("base64");

const targets = {
  s3: [
    "s3://bucket/path",
    "--target-endpoint",
    CLOSED,
    "--target-access-key",
    "env:ID",
    "--target-secret-key",
    "env:KEY",
  ],
  azure: ["azure://container/path", "--target-connection-string", "env:CONNECTION"],
  gcs: ["gs://bucket/path", "--target-endpoint", CLOSED, "--target-anonymous"],
};

describe("a mirror to a store that refuses connections", { concurrency: 2 }, () => {
  for (const [type, target] of Object.entries(targets)) {
    test(`${type}: ends by itself with status 7, says why, and quotes no secret`, async () => {
      await using place = await sandbox({
        ID: "AKIATEST",
        KEY: SECRET,
        CONNECTION: `DefaultEndpointsProtocol=http;AccountName=a;AccountKey=${SECRET};BlobEndpoint=${CLOSED}/a`,
      });
      await mkdir(place.path("from"));
      for (let i = 0; i < 50; i++) await writeFile(place.path("from", String(i)), "x");
      const { code, stdout, stderr } = await place.feedctl(["mirror", "from", ...target, "--yes"]);
      assert.equal(code, 7, stderr);
      assert.match(stderr, /^error: .*127\.0\.0\.1:9 refuses connections/m);
      assert.ok(!`${stdout}${stderr}`.includes(SECRET));
    });
  }
});

describe("calls that are retried", () => {
  test("are reported, one line each, with --verbose", async () => {
    await using place = await sandbox();
    const env = { ...isolation(place.directory) };
    const sink = () => new Writable({ write: (_chunk, _encoding, done) => done() });
    const io: Io = {
      stdout: sink(),
      stderr: sink(),
      stdin: Readable.from([]),
      env,
      platform: process.platform,
      pid: process.pid,
      cwd: place.directory,
      signal: new AbortController().signal,
      now: () => new Date(0),
    };
    const lines: string[] = [];
    const notice = (text: string) => assert.fail(text);
    await using context = createContext(io, await loadConfig(io, {}), notice, (text) => lines.push(text));
    const keys = { accessKey: "AKIATEST", secretKey: SECRET };
    await using store = await context.openStore({ type: "s3", bucket: "bucket", endpoint: CLOSED, ...keys });
    await assert.rejects(store.head(parseKey("a")), { code: "unavailable" });
    assert.equal(lines.length, 1, "the clock does not advance, so no other line is due");
    assert.match(lines[0] ?? "", /^retrying in \d\.\d s: cannot look up "a" in .* refuses connections/);
  });

  test("at most one line a second, which counts the calls without a line", () => {
    const lines: string[] = [];
    let now = 0;
    const report = createRetryLines(
      (line) => lines.push(line),
      () => new Date(now),
    );
    for (; now < 2000; now += 100) report(new FeedctlError("unavailable", `failed at ${now}`), 250);
    assert.deepEqual(lines, [
      "retrying in 0.3 s: failed at 0",
      "retrying in 0.3 s: failed at 1000 (and 9 more since the last such line)",
    ]);
  });
});
