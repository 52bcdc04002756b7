// Runs feedctl on a pseudo-terminal, with `script` of util-linux.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { test, type TestContext } from "node:test";
import { freshBuild } from "../support/build.ts";
import { binary, isolation, type Sandbox, sandbox } from "../support/feedctl.ts";
import { writePackages } from "../support/package-set.ts";
import { PATIENCE, until } from "../support/wait.ts";

const hasScript = /util-linux/.test(spawnSync("/bin/sh", ["-c", "script --version"], { encoding: "utf8" }).stdout);
const options = { skip: hasScript ? false : "no script program of util-linux" };

/** Returns the terminal's output. `size`: arguments of stty; without them the terminal has 0 columns. */
async function onTerminal(t: TestContext, place: Sandbox, args: readonly string[], size?: string) {
  await freshBuild();
  const words = [process.execPath, binary, ...args].map((word) => `'${word}'`).join(" ");
  const command = size === undefined ? words : `stty ${size}; ${words}`;
  const result = spawnSync("/bin/sh", ["-c", 'exec script -qec "$1" /dev/null', "sh", command], {
    env: { ...isolation(place.directory), PATH: process.env["PATH"], SHELL: "/bin/sh", TERM: "xterm" },
    cwd: place.directory,
    encoding: "utf8",
    timeout: PATIENCE,
    maxBuffer: 4 * 1024 * 1024,
  });
  t.diagnostic(`${result.stdout?.length} characters, exit status ${result.status}`);
  return { status: result.status, shown: result.stdout ?? "" };
}

test("a terminal as standard input is a usage error at once; feedctl does not wait for input", options, async (t) => {
  await using place = await sandbox();
  assert.equal((await place.feedctl(["feed", "create", "web", "--type", "npm"])).code, 0);
  assert.equal((await place.feedctl(["feed", "create", "site", "--type", "asset"])).code, 0);
  const commands = [
    ["import", "web", "-"],
    ["asset", "upload", "site", "-", "--to", "x"],
    ["asset", "import-archive", "site", "-"],
  ];
  for (const command of commands) {
    const { status, shown } = await onTerminal(t, place, command, "cols 100 rows 30");
    assert.equal(status, 2, shown);
    assert.match(shown, /error: - is standard input, which is a terminal\r?\n.*hint: pipe /);
  }
});

test("a terminal without columns shows no spinner", options, async (t) => {
  await using place = await sandbox();
  assert.equal((await place.feedctl(["feed", "create", "web", "--type", "npm"])).code, 0);
  writePackages(place.path("in"), 3);
  const { status, shown } = await onTerminal(t, place, ["import", "web", place.path("in")], "cols 0 rows 0");
  assert.equal(status, 0, shown.slice(-500));
  assert.match(shown, /^imported 3 files/m);
  assert.ok(!shown.includes("\u001b[1A"), "no line is cleared");
  const drawn = await onTerminal(t, place, ["import", "web", place.path("in")], "cols 100 rows 30");
  assert.ok(drawn.shown.includes("\u001b[1G"), "elsewhere there is one");
});

test("feedctl stops after the work in progress when its terminal is closed", options, async () => {
  await using place = await sandbox();
  await freshBuild();
  mkdirSync(place.path("drop"));
  assert.equal((await place.feedctl(["feed", "create", "web", "--type", "npm"])).code, 0);
  assert.equal((await place.feedctl(["drop", "set", "web", place.path("drop")])).code, 0);
  const command = `'${process.execPath}' '${binary}' drop watch & echo $! > pid; wait $!; echo $? > status`;
  const terminal = spawn("script", ["-qec", command, "/dev/null"], {
    env: { ...isolation(place.directory), PATH: process.env["PATH"], SHELL: "/bin/sh", TERM: "xterm" },
    cwd: place.directory,
  });
  let shown = "";
  terminal.stdout.setEncoding("utf8").on("data", (text: string) => (shown += text));
  await until("it watches", () => shown.includes("watching"));
  process.kill(Number(readFileSync(place.path("pid"), "utf8")), "SIGHUP");
  await until("it has ended", () => existsSync(place.path("status")) && readFileSync(place.path("status")).length > 0);
  assert.equal(readFileSync(place.path("status"), "utf8"), "129\n");
  // a process that SIGHUP kills has the same status
  await until("it says so", () => shown.includes("error: interrupted"));
});
