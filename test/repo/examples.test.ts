import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { parse } from "yaml";
import { commandLineProblem, feedctlCalls } from "../support/command-lines.ts";
import { freshBuild } from "../support/build.ts";
import { type Installation, onDatabases } from "../support/databases.ts";
import {
  cronCommands,
  exampleFolder,
  readExample,
  unitCommands,
  workflowCommands,
} from "../support/example-commands.ts";
import { binary, isolation } from "../support/feedctl.ts";
import { npmTarball } from "../support/fixtures/packages.ts";

const names = readdirSync(exampleFolder);
const readers = { ".cron": cronCommands, ".service": unitCommands, "github-": workflowCommands };

/** The commands of all examples, each with its file. */
const commands = names.flatMap((name) =>
  Object.entries(readers)
    .filter(([part]) => name.endsWith(part) || name.startsWith(part))
    .flatMap(([, read]) => read(readExample(name)).map((command) => ({ name, command }))),
);

test("feedctl accepts every command of the examples", async () => {
  const found = commands.flatMap(({ name, command }) => feedctlCalls(command).map((line) => ({ name, line })));
  assert.ok(found.length >= 8, "examples were found");
  for (const { name, line } of found)
    assert.equal(await commandLineProblem(line), undefined, `${name}: feedctl ${line}`);
});

test("percent signs are escaped for cron and systemd", () => {
  assert.deepEqual(cronCommands("1 2 * * * feeds a 10\\% b\n"), ["a 10% b"]);
  assert.deepEqual(cronCommands("1 2 * * * feeds a 10% b\n"), ["a 10"]);
  assert.throws(() => unitCommands("ExecStart=/usr/local/bin/a 10% b\n"), /%%/);
  assert.ok(cronCommands(readExample("feedctl.cron")).some((command) => command.includes("--max-delete 10% ")));
});

test("the workflows are YAML that GitHub understands", () => {
  const workflows = names.filter((name) => name.startsWith("github-"));
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
  for (const name of names.filter((each) => each !== "feedctl.env" && each !== "feedctl.config.yaml"))
    assert.doesNotMatch(readExample(name), /PASSWORD|postgres:\/\//, name);
});

type Run = (command: string, shell?: string, options?: readonly string[]) => ReturnType<typeof spawnSync>;

/** The environment of a scheduler: `feedctl` on PATH, and a feed where a retention rule deletes two versions. */
async function prepare(place: Installation): Promise<Run> {
  await freshBuild();
  mkdirSync(place.path("in"));
  mkdirSync(place.path("bin"));
  for (let minor = 0; minor < 30; minor++)
    writeFileSync(place.path("in", `${minor}.tgz`), npmTarball({ name: "left", version: `1.${minor}.0` }));
  await place.run("feed", "create", "internal", "--type", "npm");
  await place.run("import", "internal", place.path("in"), "--quiet");
  await place.run("retention", "rule", "add", "internal", "--keep-versions-count", "28");
  writeFileSync(place.path("bin", "feedctl"), `#!/bin/sh\nexec "${process.execPath}" "${binary}" "$@"\n`);
  chmodSync(place.path("bin", "feedctl"), 0o755);
  const env = { ...isolation(place.directory), ...place.env, PATH: `${place.path("bin")}:/usr/bin:/bin` };
  return (command, shell = "/bin/sh", options = []) =>
    spawnSync(shell, [...options, "-c", command], {
      cwd: place.directory,
      env,
      encoding: "utf8",
      timeout: 120_000,
    });
}

const ONE_LINE = "internal: deleted 0 versions, hid 2, 0 B reclaimed\n";

onDatabases("the examples of a schedule", ["PostgreSQL"], (database) => {
  database.test("the cron lines run; retention prints one line, verify none", async (_t, place) => {
    const run = await prepare(place);
    const lines = cronCommands(readExample("feedctl.cron"));
    const retention = run(lines.find((line) => line.includes("retention")) ?? "");
    assert.deepEqual([retention.status, retention.stdout, retention.stderr], [0, ONE_LINE, ""]);
    const verify = lines.find((line) => line.includes("verify")) ?? "";
    const sound = run(verify);
    assert.deepEqual([sound.status, sound.stdout, sound.stderr], [0, "", ""]);
    rmSync(place.path("data", "packages", ".npm", "F1", "left", "-", "left-1.0.0.tgz"));
    assert.match(String(run(verify).stdout), /^verify ended with status 3: missing-blob .*left-1\.0\.0\.tgz/);
  });

  database.test("the services run", async (_t, place) => {
    const run = await prepare(place);
    const { status, stdout } = run(unitCommands(readExample("feedctl-retention.service"))[0] ?? "");
    assert.deepEqual([status, stdout], [0, ONE_LINE]);
    mkdirSync(place.path("drop"));
    writeFileSync(place.path("drop", "right.tgz"), npmTarball({ name: "right", version: "1.0.0" }));
    await place.run("drop", "set", "internal", place.path("drop"));
    const drop = run(unitCommands(readExample("feedctl-drop.service"))[0]?.replace("/srv", place.directory) ?? "");
    assert.deepEqual([drop.status, drop.stdout, drop.stderr], [0, "", ""]);
    await place.run("package", "show", "internal", "right@1.0.0");
  });

  database.test("the steps of the retention workflow run", async (_t, place) => {
    const run = await prepare(place);
    writeFileSync(place.path("retention.yaml"), "feeds:\n  internal:\n    rules:\n      - keepVersionsCount: 29\n");
    const steps = workflowCommands(readExample("github-retention.yaml")).filter((step) => step.startsWith("feedctl"));
    assert.equal(steps.length, 3);
    const bash = ["--noprofile", "--norc", "-eo", "pipefail"];
    const answers = steps.map((step) => run(step, "/bin/bash", bash));
    assert.deepEqual(
      answers.map(({ status, stderr }) => `${status} ${String(stderr)}`),
      ["0 ", "0 ", "0 "],
    );
    assert.partialDeepStrictEqual(JSON.parse(String(answers[1]?.stdout)), {
      type: "summary",
      dryRun: true,
      planned: 1,
    });
    assert.match(String(answers[2]?.stdout), /^internal: deleted 1 version, .* reclaimed\n$/);
  });
});

const systemd = spawnSync("systemd-analyze", ["--version"], { timeout: 10_000 }).status === 0;
test("systemd understands every unit", { skip: systemd ? false : "no systemd-analyze on this machine" }, (t) => {
  const folder = mkdtempSync(join(tmpdir(), "feedctl-units-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const units = names.filter((name) => /\.(service|timer)$/.test(name));
  // this machine has neither the installed program nor its user
  for (const name of units)
    writeFileSync(
      join(folder, name),
      readExample(name).replace("/usr/local/bin/feedctl", "/bin/true").replace("User=feeds", ""),
    );
  const files = units.map((name) => join(folder, name));
  const { status, stderr } = spawnSync("systemd-analyze", ["verify", "--man=no", ...files], {
    encoding: "utf8",
    timeout: 60_000,
  });
  const own = stderr.split("\n").filter((line) => line.includes("feedctl-"));
  assert.deepEqual([status, own], [0, []], stderr);
});
