import assert from "node:assert/strict";
import { spawnSync, type SpawnSyncReturns } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { parse } from "yaml";
import { commandLineProblem, feedctlCalls } from "../support/command-lines.ts";
import { freshBuild, repository } from "../support/build.ts";
import { type Installation, onDatabases } from "../support/databases.ts";
import { cronJobs, exampleFolder, readExample, readUnit, workflowScripts } from "../support/example-commands.ts";
import { binary, compileCache } from "../support/feedctl.ts";
import { npmTarball } from "../support/fixtures/packages.ts";
import { holdLock } from "../support/hold-lock.ts";
import { findIn, findOnPath, testCache } from "../support/server-binaries.ts";
import { until } from "../support/wait.ts";

const names = readdirSync(exampleFolder);
const units = names.filter((name) => name.endsWith(".service"));
const workflows = names.filter((name) => name.startsWith("github-"));

/** What an example runs, as a line or script for a shell. */
function commandsOf(name: string): string[] {
  if (name.endsWith(".cron")) return cronJobs(readExample(name)).map(({ command }) => command);
  if (name.endsWith(".service")) return [readUnit(readExample(name), "/run/credentials").argv.join(" ")];
  return name.startsWith("github-") ? workflowScripts(readExample(name)) : [];
}

async function assertAccepted(where: string, command: string, least = 0): Promise<void> {
  const calls = feedctlCalls(command.replaceAll("/usr/local/bin/", ""));
  assert.ok(calls.length >= least, `${where}: ${command}`);
  for (const line of calls) assert.equal(await commandLineProblem(line), undefined, `${where}: feedctl ${line}`);
}

test("feedctl accepts every command of the examples", async () => {
  const found = names.flatMap((name) => commandsOf(name).map((command) => ({ name, command })));
  assert.ok(found.length >= 8, "examples were found");
  for (const { name, command } of found) await assertAccepted(name, command);
});

test("the readers of schedules read % and settings as cron and systemd do", () => {
  const [plain, cut] = cronJobs("A=1\n1 2 * * * me a 10\\% b\nB='2 3'\n3 4 * * * me a 10% b%c\n");
  assert.deepEqual(plain, { user: "me", command: "a 10% b", input: "", env: { A: "1" } });
  assert.deepEqual(cut, { user: "me", command: "a 10", input: " b\nc", env: { A: "1", B: "2 3" } });
  assert.throws(() => cronJobs("1 2 * * * me a"), /does not end/);
  assert.throws(() => cronJobs("PATH=$HOME/bin\n"), /expands nothing/);
  const unit = readUnit("LoadCredential=u:/etc/u\nEnvironment=A=%d/u B=2\nExecStart=/bin/a 10%% b\n", "/run/c");
  assert.deepEqual(unit, {
    argv: ["/bin/a", "10%", "b"],
    env: { A: "/run/c/u", B: "2" },
    credentials: { u: "/etc/u" },
    success: [],
  });
  assert.throws(() => readUnit("ExecStart=/bin/a 10% b\n", "/run/c"), /%%/);
});

test("crontab lines and units within the documents are right too", async () => {
  const guides = readdirSync(join(repository, "docs")).map((name) => join("docs", name));
  for (const name of ["README.md", ...guides.filter((each) => each.endsWith(".md"))]) {
    const text = readFileSync(join(repository, name), "utf8");
    for (const [line] of text.matchAll(/^(?:[-\d*,/]+ +){5}.*feedctl.*$/gm)) {
      const [job] = cronJobs(`${line.replace(/ feedctl/, " feeds feedctl")}\n`);
      assert.equal(job?.input, "", `${name}: ${line}`);
      await assertAccepted(name, job.command, 1);
    }
    for (const [line] of text.matchAll(/^ExecStart=.*$|(?<=`)ExecStart=[^`]+/gm))
      await assertAccepted(name, readUnit(`${line}\n`, "/run/c").argv.join(" "), 1);
  }
});

test("an example that runs feedctl says how to install it, or does so first", () => {
  for (const name of [...units, "feedctl.cron"])
    assert.match(readExample(name), /^# Install feedctl first: .*npm install --global/m, name);
  for (const name of workflows) {
    const scripts = workflowScripts(readExample(name));
    const first = scripts.findIndex((script) => feedctlCalls(script).length > 0);
    const installed = scripts.findIndex((script) => script.startsWith("npm install --global "));
    assert.ok(installed >= 0 && installed < first, name);
  }
});

test("the workflows are YAML that GitHub understands", () => {
  assert.ok(workflows.length > 0);
  for (const name of workflows) {
    const { on, jobs } = parse(readExample(name)) as { on: object; jobs: Record<string, Record<string, unknown>> };
    assert.equal(typeof on, "object", name);
    for (const job of Object.values(jobs)) {
      assert.equal(job["runs-on"], "ubuntu-latest", name);
      for (const step of job["steps"] as Record<string, unknown>[])
        assert.equal(Number("run" in step) + Number("uses" in step), 1, `${name}: ${JSON.stringify(step)}`);
    }
  }
});

test("the examples contain no passwords, only the files that hold them", () => {
  for (const name of names.filter((each) => each !== "database-url"))
    assert.doesNotMatch(readExample(name), /PASSWORD|postgres:\/\//, name);
});

const actionlint = findOnPath("actionlint") ?? findIn(testCache("actionlint-v1.7.8"), "actionlint");
test("actionlint finds no fault in the workflows", { skip: actionlint === undefined && "no actionlint here" }, () => {
  const files = workflows.map((name) => join(exampleFolder, name));
  const { status, stdout, stderr } = spawnSync(actionlint ?? "", ["-no-color", ...files], { encoding: "utf8" });
  assert.deepEqual([status, stdout, stderr], [0, "", ""]);
});

/** A machine on which the examples are installed, below the sandbox instead of the root directory. */
interface Machine {
  /** The text of an example with the directories of the sandbox. */
  read(name: string): string;
  /** Runs a program with this environment and nothing else of the test's. */
  start(argv: readonly string[], env: Record<string, string>, input?: string): SpawnSyncReturns<string>;
}

/** `feedctl` is installed, the password is in its file, and a retention rule selects two versions of a feed. */
async function prepare(place: Installation): Promise<Machine> {
  await freshBuild();
  for (const name of ["in", "usr", "etc", "srv", "home"]) mkdirSync(place.path(name));
  await place.run("settings", "set", "Storage.PackagesRootPath", place.path("srv", "packages"));
  for (let minor = 0; minor < 30; minor++)
    writeFileSync(place.path("in", `${minor}.tgz`), npmTarball({ name: "left", version: `1.${minor}.0` }));
  await place.run("feed", "create", "internal", "--type", "npm");
  await place.run("import", "internal", place.path("in"), "--quiet");
  await place.run("retention", "rule", "add", "internal", "--keep-versions-count", "28");
  writeFileSync(place.path("usr", "feedctl"), `#!/bin/sh\nexec "${process.execPath}" "${binary}" "$@"\n`);
  chmodSync(place.path("usr", "feedctl"), 0o755);
  const read = (name: string) =>
    readExample(name)
      .replaceAll("/usr/local/bin", place.path("usr"))
      .replaceAll("/etc/feedctl", place.path("etc"))
      .replaceAll("/srv", place.path("srv"));
  writeFileSync(place.path("etc", "feedctl.config.yaml"), read("feedctl.config.yaml"));
  const secrets = { "database-url": `${place.env["FEEDCTL_DATABASE_URL"]}\n`, key: "5".repeat(64) };
  for (const [name, text] of Object.entries(secrets)) writeFileSync(place.path("etc", name), text, { mode: 0o400 });
  // what is locked is not waited for
  const quick = { NODE_COMPILE_CACHE: compileCache, FEEDCTL_LOCK_WAIT: "0" };
  const start: Machine["start"] = ([program = "", ...args], env, input = "") =>
    spawnSync(program, args, {
      cwd: place.directory,
      env: { HOME: place.path("home"), LOGNAME: "feeds", SHELL: "/bin/sh", ...quick, ...env },
      input,
      encoding: "utf8",
      timeout: 120_000,
    });
  return { read, start };
}

const ONE_LINE = "internal: deleted 0 versions, hid 2, 0 B reclaimed\n";

onDatabases("the examples of a schedule", ["PostgreSQL"], (database) => {
  database.test("the cron lines run; retention prints one line, verify none", async (_t, place) => {
    const { read, start } = await prepare(place);
    const jobs = cronJobs(read("feedctl.cron"));
    const run = (words: string) => {
      const { command, input, env } = jobs.find((job) => job.command.includes(words))!;
      const { status, stdout, stderr } = start(["/bin/sh", "-c", command], { PATH: "/usr/bin:/bin", ...env }, input);
      return [status, stdout, stderr];
    };
    mkdirSync(place.path("drop"));
    writeFileSync(place.path("drop", "no-package.tgz"), "x");
    await place.run("drop", "set", "internal", place.path("drop"));
    assert.match(String(run("drop scan")), /^3,.*no-package\.tgz/s);
    const held = await holdLock(place.env["FEEDCTL_DATABASE_URL"], { kind: "retention", id: 1 });
    assert.deepEqual(run("retention run"), [0, "", ""], "a run that is locked sends no mail");
    await held[Symbol.asyncDispose]();
    assert.deepEqual(run("retention run"), [0, ONE_LINE, ""]);
    assert.deepEqual(run("verify"), [0, "", ""]);
    rmSync(place.path("srv", "packages", ".npm", "F1", "left", "-", "left-1.0.0.tgz"));
    assert.match(String(run("verify")), /^0,verify ended with status 3: missing-blob .*left-1\.0\.0\.tgz/);
  });

  database.test("the services run, with the password as a credential", async (_t, place) => {
    const { read, start } = await prepare(place);
    const run = (name: string) => {
      const credentials = place.path("credentials", name);
      const unit = readUnit(read(name), credentials);
      rmSync(credentials, { recursive: true, force: true });
      mkdirSync(credentials, { recursive: true, mode: 0o700 });
      for (const [id, file] of Object.entries(unit.credentials)) copyFileSync(file, join(credentials, id));
      const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin";
      const { status, stdout, stderr } = start(unit.argv, { PATH, CREDENTIALS_DIRECTORY: credentials, ...unit.env });
      return [status === 0 || unit.success.includes(status ?? -1), status, stdout, stderr];
    };
    assert.deepEqual(run("feedctl-retention.service"), [true, 0, ONE_LINE, ""]);
    mkdirSync(place.path("drop"));
    writeFileSync(place.path("drop", "right.tgz"), npmTarball({ name: "right", version: "1.0.0" }));
    await place.run("drop", "set", "internal", place.path("drop"));
    assert.deepEqual(run("feedctl-drop.service"), [true, 0, "", ""]);
    await place.run("package", "show", "internal", "right@1.0.0");
    await using _held = await holdLock(place.env["FEEDCTL_DATABASE_URL"], { kind: "retention", id: 1 });
    assert.deepEqual(run("feedctl-retention.service").slice(0, 2), [true, 75]);
  });

  database.test("the services that never end do their work until systemd stops them", async (_t, place) => {
    const { read } = await prepare(place);
    mkdirSync(place.path("drop"));
    writeFileSync(place.path("drop", "right.tgz"), npmTarball({ name: "right", version: "1.0.0" }));
    await place.run("drop", "set", "internal", place.path("drop"));
    const own = /`(ExecStart=[^`]*drop watch)`/.exec(readFileSync(join(repository, "docs", "scripting.md"), "utf8"));
    const watcher = read("feedctl-drop.service").replace(/^ExecStart=.*$/m, own?.[1] ?? "");
    for (const { text, works } of [
      {
        text: read("feedctl-worker.service"),
        works: async () => (await place.rows("select from feedctl.workers")).length > 0,
      },
      { text: watcher, works: async () => (await place.any("package", "show", "internal", "right@1.0.0")).code === 0 },
    ]) {
      const { argv, env } = readUnit(text, place.path("etc"));
      const running = await place.start(argv.slice(1), { env: { ...env, FEEDCTL_DATABASE_URL: undefined } });
      await until(`${argv.join(" ")} works`, works, running);
      running.child.kill("SIGTERM");
      const { code, stderr } = await running.finished;
      assert.deepEqual([code, stderr.includes("error:")], [0, false], stderr);
    }
  });

  database.test("the steps of the workflows run", async (_t, place) => {
    const { read, start } = await prepare(place);
    const bash = ["/bin/bash", "--noprofile", "--norc", "-eo", "pipefail", "-c"];
    const run = (script: string) => {
      const PATH = `${place.path("usr")}:${process.env["PATH"]}`;
      const { status, stdout, stderr } = start([...bash, script], {
        PATH,
        npm_config_loglevel: "silent",
        ...place.env,
      });
      assert.deepEqual([status, stderr], [0, ""], script);
      return stdout;
    };
    writeFileSync(place.path("retention.yaml"), "feeds:\n  internal:\n    rules:\n      - keepVersionsCount: 29\n");
    writeFileSync(place.path("package.json"), '{"name": "built", "version": "1.0.0", "files": ["in"]}');
    const steps = workflows.flatMap((name) => workflowScripts(read(name))).filter((step) => !step.startsWith("npm "));
    const [, imported = "", planned = "", deleted = ""] = steps.map(run);
    assert.match(imported, /^imported  built 1\.0\.0\n.*sound: 31 match/s);
    const summary: unknown = JSON.parse(planned.trim().split("\n").at(-1) ?? "");
    assert.partialDeepStrictEqual(summary, { type: "summary", dryRun: true, planned: 1 });
    assert.match(deleted, /^internal: deleted 1 version, .* reclaimed\n$/);
  });
});

const systemd = spawnSync("systemd-analyze", ["--version"], { timeout: 10_000 }).status === 0;
test("systemd understands every unit", { skip: systemd ? false : "no systemd-analyze on this machine" }, (t) => {
  const folder = mkdtempSync(join(tmpdir(), "feedctl-units-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const timed = names.filter((name) => /\.(service|timer)$/.test(name));
  // this machine has neither the installed program nor its user
  for (const name of timed)
    writeFileSync(
      join(folder, name),
      readExample(name).replace("/usr/local/bin/feedctl", "/bin/true").replace("User=feeds", ""),
    );
  const files = timed.map((name) => join(folder, name));
  const { status, stderr } = spawnSync("systemd-analyze", ["verify", "--man=no", ...files], {
    encoding: "utf8",
    timeout: 60_000,
  });
  const own = stderr.split("\n").filter((line) => line.includes("feedctl-"));
  assert.deepEqual([status, own], [0, []], stderr);
});
