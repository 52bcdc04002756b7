import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { repository } from "../support/build.ts";

const noSignals = process.platform === "win32" ? "Windows has no signals" : false;

function start(args: readonly string[], more: NodeJS.ProcessEnv = {}): ChildProcess {
  // NODE_TEST_CONTEXT says that this is a test process, in which node:test starts no others
  const env = { ...process.env, NODE_TEST_CONTEXT: undefined, NO_COLOR: "1", ...more };
  const command = [join(repository, "test", "run.ts"), "--timeout", "2", "--grace", "2", ...args];
  return spawn(process.execPath, command, { cwd: repository, env, stdio: ["ignore", "pipe", "pipe"] });
}

async function runTests(...args: string[]): Promise<{ code: number; text: string }> {
  const child = start(args);
  const closed = once(child, "close");
  const texts = await Promise.all(
    [child.stdout!, child.stderr!].map(async (stream) => (await stream.toArray()).join("")),
  );
  const [code] = (await closed) as [number];
  return { code, text: texts.join("") };
}

const fixture = (name: string) => `test/runner/fixtures/${name}.test.ts`;

test("a file that passes is one line, and skipped tests are counted by reason", async () => {
  const { code, text } = await runTests(fixture("passing"));
  assert.equal(code, 0, text);
  assert.match(text, /^✔ test\/runner\/fixtures\/passing\.test\.ts {2}2 tests, 1 skipped {2}\d+\.\d s$/m);
  assert.match(text, /^skipped\n {5}1 {2}no such server$/m);
  assert.match(text, /\n1 passed, 0 failed, 1 skipped\n$/);
  assert.doesNotMatch(text, /✔ a suite > passes/);
});

test("--verbose names every test", async () => {
  const { text } = await runTests("--verbose", fixture("passing"));
  assert.match(text, /✔ a suite > passes {2}\d/);
  assert.match(text, /- a suite > is skipped .*# no such server/);
});

const failures = [
  {
    name: "failing",
    words: [/✖ a suite > fails\n.*the sum is wrong/, /said on stdout\n\s+said on stderr/],
    totals: [1, 1],
  },
  { name: "hanging", words: [/✖ hangs\n.*timed out/, /something is left open/, /said before it hung/], totals: [1, 2] },
  { name: "busy", words: [/busy\.test\.ts hangs and was cut/], totals: [0, 1] },
  { name: "crashing", words: [/ended with status 7/, /said before it crashed/], totals: [0, 1] },
  { name: "broken", words: [/ended with status 1/, /Error: cannot be loaded/], totals: [0, 1] },
  { name: "empty", words: [/empty\.test\.ts holds no test/], totals: [0, 1] },
];
for (const { name, words, totals } of failures)
  test(`a file that is ${name} fails the run, and shows why`, async () => {
    const { code, text } = await runTests(fixture(name));
    assert.equal(code, 1, text);
    for (const word of words) assert.match(text, word);
    assert.ok(text.endsWith(`\n${totals[0]} passed, ${totals[1]} failed, 0 skipped\n`), text);
  });

test("a path without tests, and an unknown option, are refused", async () => {
  for (const argument of ["test/no-such-folder", "bin", "--no-such-option"]) {
    const { code, text } = await runTests(argument);
    assert.equal(code, 2, text);
    assert.match(text, /^error: .*\nusage: npm test/m);
  }
});

test("when the reader closes the pipe, the exit status still reports the result", async () => {
  for (const [name, expected] of [
    ["passing", 0],
    ["failing", 1],
  ] as const) {
    const child = start([fixture(name)]);
    child.stdout!.destroy();
    const [code] = (await once(child, "exit")) as [number];
    assert.equal(code, expected);
  }
});

for (const { signal, status } of [
  { signal: "SIGINT", status: 130 },
  { signal: "SIGTERM", status: 143 },
  { signal: "SIGKILL", status: null },
] as const)
  test(`${signal} ends the run and its test processes`, { skip: noSignals }, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), "feedctl-runner-"));
    t.after(() => rmSync(folder, { recursive: true }));
    const file = join(folder, "pid");
    const child = start([fixture("waiting"), "--timeout", "600"], { FEEDCTL_TEST_PID_FILE: file });
    const exited = once(child, "exit");
    const readPid = () => Number(existsSync(file) && readFileSync(file, "utf8"));
    await eventually("the test runs", () => readPid() > 0);
    child.kill(signal);
    assert.equal((await exited)[0], status);
    await eventually("the test process ends", () => !isAlive(readPid()));
  });

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false; // ESRCH
  }
}

async function eventually(what: string, is: () => boolean): Promise<void> {
  for (const deadline = Date.now() + 120_000; !is(); await sleep(50)) assert.ok(Date.now() < deadline, what);
}
