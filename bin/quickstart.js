#!/usr/bin/env node
// `npm run quickstart`, or `node bin/quickstart.js` right after a clone, with any Node that has npm. Installs missing
// dependencies, builds when sources are newer, and runs test/quickstart.ts under the project's own Node.
import { spawnSync } from "child_process";
import { existsSync, readdirSync, statSync } from "fs";
import { delimiter, dirname, join } from "path";
import { fileURLToPath } from "url";

const repository = dirname(dirname(fileURLToPath(import.meta.url)));
const programs = join(repository, "node_modules", ".bin");
process.env.PATH = programs + delimiter + process.env.PATH;

// npm writes this file last, so an interrupted installation is repeated
if (!existsSync(join(repository, "node_modules", ".package-lock.json"))) {
  process.stdout.write(
    "Installing the dependencies into node_modules, including the Node version that feedctl needs ...\n",
  );
  run("npm", ["ci", "--no-audit", "--no-fund"]);
}
if (builtAt() < newest(join(repository, "src"))) {
  process.stdout.write("Building ...\n");
  run("npm", ["run", "--silent", "build"]);
}
run("node", [join("test", "quickstart.ts"), ...process.argv.slice(2)]);

function run(program, args) {
  // npm and node are .cmd files on Windows, which only a shell starts
  const windows = process.platform === "win32";
  const { status, signal, error } = spawnSync(windows ? `${program}.cmd` : program, args, {
    cwd: repository,
    stdio: "inherit",
    shell: windows,
  });
  if (status === 0) return;
  if (error) process.stderr.write(`error: could not start ${program}: ${error.message}\n`);
  process.exit(status === null ? (signal === "SIGINT" ? 130 : 1) : status);
}

function builtAt() {
  const main = join(repository, "dist", "main.js");
  return existsSync(main) ? statSync(main).mtimeMs : 0;
}

function newest(folder) {
  return Math.max(
    ...readdirSync(folder, { withFileTypes: true }).map((entry) => {
      const path = join(folder, entry.name);
      return entry.isDirectory() ? newest(path) : statSync(path).mtimeMs;
    }),
  );
}
