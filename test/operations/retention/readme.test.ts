import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { parseYamlMapping } from "../../../src/formats/manifests/yaml.ts";
import { freshBuild, repository } from "../../support/build.ts";
import { type Installation, onDatabases } from "../../support/databases.ts";
import { binary, isolation } from "../../support/feedctl.ts";
import { npmTarball } from "../../support/fixtures/packages.ts";
import { PATIENCE } from "../../support/wait.ts";

const readme = readFileSync(join(repository, "README.md"), "utf8");

/** The code block of the README that begins with this comment. */
function block(comment: string): string {
  const found = [...readme.matchAll(/^```\w*\n(.*?)^```$/gms)]
    .map(([, text = ""]) => text)
    .find((text) => text.startsWith(comment));
  assert.ok(found, `the README has no example that begins with ${comment}`);
  return found;
}

/** A feed of five versions of which a rule keeps three, and a `feedctl` on PATH. */
async function prepare(place: Installation): Promise<(command: string) => ReturnType<typeof spawnSync>> {
  await freshBuild();
  mkdirSync(place.path("in"));
  mkdirSync(place.path("bin"));
  for (let minor = 0; minor < 30; minor++)
    writeFileSync(place.path("in", `${minor}.tgz`), npmTarball({ name: "left", version: `1.${minor}.0` }));
  await place.run("feed", "create", "web", "--type", "npm");
  await place.run("import", "web", place.path("in"), "--quiet");
  await place.run("retention", "rule", "add", "web", "--keep-versions-count", "28");
  writeFileSync(place.path("bin", "feedctl"), `#!/bin/sh\nexec "${process.execPath}" "${binary}" "$@"\n`);
  chmodSync(place.path("bin", "feedctl"), 0o755);
  // what a scheduler gives: hardly any environment, and no terminal
  const env = { ...isolation(place.directory), ...place.env, PATH: `${place.path("bin")}:/usr/bin:/bin` };
  return (command) =>
    spawnSync("/bin/sh", ["-c", command], { cwd: place.directory, env, encoding: "utf8", timeout: PATIENCE });
}

onDatabases("the README's examples of retention", ["PostgreSQL"], (database) => {
  database.test("the line of cron runs, and leaves one line for mail", async (_t, place) => {
    const run = await prepare(place);
    const command = /^[-0-9* ]+ {2}(feedctl .*)$/m.exec(block("# crontab: every night"))?.[1];
    const { status, stdout, stderr } = run(command ?? "");
    assert.equal(status, 0, String(stderr));
    assert.equal(stdout, "web: deleted 0 versions, hid 2, 0 B reclaimed\n");
    assert.equal(stderr, "");
  });

  database.test("the systemd service runs", async (_t, place) => {
    const run = await prepare(place);
    const command = /^ExecStart=\/usr\/local\/bin\/(feedctl .*)$/m.exec(
      block("# /etc/systemd/system/feedctl-retention.service"),
    )?.[1];
    const { status, stdout } = run(command ?? "");
    assert.deepEqual([status, stdout], [0, "web: deleted 0 versions, hid 2, 0 B reclaimed\n"]);
  });

  database.test("the steps of the workflow run", async (_t, place) => {
    const run = await prepare(place);
    const workflow = parseYamlMapping(Buffer.from(block("# .github/workflows/retention.yaml")), "workflow");
    const { retention } = workflow["jobs"] as Record<string, { steps: { run?: string }[] }>;
    writeFileSync(place.path("retention.yaml"), "feeds:\n  web:\n    rules:\n      - keepVersionsCount: 29\n");
    const commands = retention?.steps.flatMap((step) => step.run ?? []) ?? [];
    assert.equal(commands.length, 3);
    const answers = commands.map(run);
    assert.deepEqual(
      answers.map(({ status, stderr }) => `${status} ${String(stderr)}`),
      ["0 ", "0 ", "0 "],
    );
    assert.partialDeepStrictEqual(JSON.parse(String(answers[1]?.stdout)), {
      type: "summary",
      dryRun: true,
      planned: 1,
    });
    assert.match(String(answers[2]?.stdout), /^web: deleted 1 version, .* reclaimed\n$/);
  });
});

const systemd = spawnSync("systemd-analyze", ["--version"], { timeout: PATIENCE }).status === 0;
test(
  "systemd understands the service and the timer",
  { skip: systemd ? false : "no systemd-analyze on this machine" },
  async (t) => {
    const { mkdtempSync, rmSync } = await import("node:fs");
    const { tmpdir } = await import("node:os");
    const directory = mkdtempSync(join(tmpdir(), "feedctl-units-"));
    t.after(() => rmSync(directory, { recursive: true }));
    const [, service = "", timer = ""] =
      /^(.*?)\n# \/etc\/systemd\/system\/feedctl-retention\.timer\n(.*)$/s.exec(
        block("# /etc/systemd/system/feedctl-retention.service"),
      ) ?? [];
    writeFileSync(
      join(directory, "feedctl-retention.service"),
      service.replace("/usr/local/bin/feedctl", "/bin/true").replace("User=feeds", ""),
    );
    writeFileSync(join(directory, "feedctl-retention.timer"), timer);
    const { status, stderr } = spawnSync(
      "systemd-analyze",
      ["verify", "--man=no", join(directory, "feedctl-retention.timer"), join(directory, "feedctl-retention.service")],
      { encoding: "utf8", timeout: PATIENCE },
    );
    const own = stderr.split("\n").filter((line) => line.includes("feedctl-retention"));
    assert.deepEqual([status, own], [0, []], stderr);
  },
);
