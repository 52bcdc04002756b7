import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { manPages } from "../../docs/generate/man.ts";
import { referencePages } from "../../docs/generate/markdown.ts";
import { readManual } from "../../docs/generate/model.ts";
import { pictures } from "../../docs/generate/pictures.ts";
import { freshBuild, repository } from "../support/build.ts";
import { feedctl } from "../support/feedctl.ts";

const manual = readManual();

test("docs/reference is up to date with the command tree", () => {
  const folder = join(repository, "docs", "reference");
  const pages = referencePages(manual);
  assert.deepEqual(readdirSync(folder).sort(), [...pages.keys()].sort(), "stale; run: npm run docs");
  for (const [name, text] of pages)
    assert.ok(readFileSync(join(folder, name), "utf8") === text, `docs/reference/${name} is stale; run: npm run docs`);
});

test("the pictures show the sessions of the guides", () => {
  const drawn = pictures();
  assert.ok(drawn.size > 0, "no guide has a picture");
  for (const [name, picture] of drawn)
    assert.ok(
      readFileSync(join(repository, "docs", name), "utf8") === picture,
      `docs/${name} is stale; run: npm run docs`,
    );
});

test("every option and argument of --help is in the reference", async () => {
  const help = await feedctl(["migrate", "run", "--help"], { env: { COLUMNS: "400" } });
  const section = /^## migrate run\n(.*?)^## /ms.exec(referencePages(manual).get("migrate.md") ?? "")?.[1] ?? "";
  const flags = [...help.stdout.split("Global Options:")[0]!.matchAll(/^ {2}(?:-\w, )?(--[-\w]+)/gm)].map(
    ([, flag]) => flag,
  );
  assert.ok(flags.length > 10, help.stdout);
  for (const flag of flags.filter((name) => name !== "--help")) assert.ok(section.includes(`\`${flag}`), flag);
});

test("the package lists and ships a man page for every command", async () => {
  await freshBuild();
  const names = [...manPages(manual).keys()];
  assert.ok(names.includes("feedctl-migrate-run.1"));
  const { man } = JSON.parse(readFileSync(join(repository, "package.json"), "utf8")) as { man: string[] };
  assert.deepEqual(
    man,
    names.map((name) => `./dist/man/${name}`),
    "package.json is stale; run: npm run docs",
  );
  const packed = spawnSync("npm pack --dry-run --json --ignore-scripts", {
    cwd: repository,
    encoding: "utf8",
    shell: true,
  });
  const text = packed.stdout;
  for (const file of ["docs/reference/migrate.md", "docs/migrate.md", ...names.map((name) => `dist/man/${name}`)])
    assert.ok(text.includes(`"${file}"`), `npm pack leaves out ${file}: ${packed.stderr}`);
});

const groff = spawnSync("groff", ["--version"], { timeout: 10_000 }).status === 0;
test("groff formats every man page without a warning", { skip: groff ? false : "no groff on this machine" }, (t) => {
  const folder = mkdtempSync(join(tmpdir(), "feedctl-man-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const pages = manPages(manual);
  for (const [name, text] of pages) writeFileSync(join(folder, name), text);
  const { status, stdout, stderr } = spawnSync("groff", ["-man", "-ww", "-Tutf8", "-P-cbou", ...pages.keys()], {
    cwd: folder,
    encoding: "utf8",
    maxBuffer: 64 << 20,
  });
  assert.deepEqual([status, stderr], [0, ""]);
  assert.match(stdout, /feedctl-migrate-run - copy every blob/);
  assert.match(stdout, /^ENVIRONMENT\n +FEEDCTL_DATABASE_URL\n +PostgreSQL/m);
  assert.match(stdout, /^ +\$ feedctl import internal dist\/\*\.tgz$/m, "examples keep their lines");
});
