// Running out of file handles or memory is not reported as a bug of feedctl, wherever it happens.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";
import { exhaustionOf, exitStatus, FeedctlError } from "../../src/errors.ts";
import { freshBuild } from "../support/build.ts";
import { binary, isolation, sandbox } from "../support/feedctl.ts";
import { writePackages } from "../support/package-set.ts";
import { PATIENCE } from "../support/wait.ts";

function system(code: string): Error {
  return Object.assign(new Error(`${code}: out of something, open '/srv/x'`), { code, syscall: "open" });
}

const cases: { name: string; error: unknown; words: RegExp; hint: RegExp }[] = [
  {
    name: "file handles",
    error: system("EMFILE"),
    words: /^too many open files in this process: EMFILE/,
    hint: /ulimit -n/,
  },
  {
    name: "the system's file handles",
    error: system("ENFILE"),
    words: /on this machine: ENFILE/,
    hint: /fs\.file-max/,
  },
  { name: "memory", error: system("ENOMEM"), words: /no memory left: ENOMEM/, hint: /more memory/ },
  {
    name: "a cause",
    error: new Error("a driver failed", { cause: system("EMFILE") }),
    words: /^too many open files/,
    hint: /ulimit -n/,
  },
  {
    name: "one of several errors",
    error: new AggregateError([new Error("x"), system("EMFILE")]),
    words: /^too many open files/,
    hint: /ulimit -n/,
  },
  {
    name: "the cause of an error with a message of its own",
    error: new FeedctlError("unavailable", "cannot read /srv/x", { hint: "look elsewhere", cause: system("EMFILE") }),
    words: /^cannot read \/srv\/x$/,
    hint: /ulimit -n/,
  },
];

test("errors of the system that say so have status 7 and say what to raise", () => {
  for (const { name, error, words, hint } of cases) {
    const found = exhaustionOf(error);
    assert.ok(found !== undefined, name);
    assert.equal(exitStatus(found), 7, name);
    assert.match(found.message, words, name);
    assert.match(found.hint ?? "", hint, name);
  }
  for (const other of [system("ENOENT"), new TypeError("x is undefined"), new FeedctlError("usage", "no"), "a text"])
    assert.equal(exhaustionOf(other), undefined);
});

test("a process that may open few files ends without a stack", async (t) => {
  if (process.platform === "win32") return t.skip("Windows has no such limit");
  await freshBuild();
  await using place = await sandbox();
  assert.equal((await place.feedctl(["feed", "create", "web", "--type", "npm"])).code, 0);
  writePackages(place.path("builds"), 100);
  const statuses: unknown[] = [];
  for (const limit of [30, 45, 60, 90]) {
    const command = ["-c", `ulimit -n ${limit}; exec "$@"`, "sh", process.execPath, binary, "import", "web", "builds"];
    const ran = await promisify(execFile)("/bin/sh", command, {
      env: isolation(place.directory),
      cwd: place.directory,
      timeout: PATIENCE,
    }).catch((error: { code: unknown; stderr: string; stdout: string }) => error);
    const status = "code" in ran ? ran.code : 0;
    statuses.push(status);
    assert.doesNotMatch(ran.stderr, /bug in feedctl|^ {4}at /m, `${limit} open files`);
    assert.ok([0, 3, 7].includes(Number(status)), `${limit} open files: ${String(status)} ${ran.stderr}`);
    if (/too many open files/.test(ran.stderr)) assert.match(ran.stderr, /^hint: .*ulimit -n/m);
  }
  assert.ok(statuses.includes(7), `one of the limits is too low: ${statuses.join(", ")}`);
});
