// A package is installed with the versions that it was tested with: npm-shrinkwrap.json is package-lock.json without what only
// developers need. It is in a checkout only while a package is made, because npm would use it instead of the lock file.
//   write    before packing: prepack
//   remove   after packing: postpack
//   prepare  all of prepack, where npm does not run it: npm packs a git dependency with `prepare` only
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";

const file = new URL("../npm-shrinkwrap.json", import.meta.url);

/** The lock file's content without development dependencies. */
export function shrinkwrapOf(lock) {
  const { devDependencies: _left, ...root } = lock.packages[""];
  const packages = Object.entries(lock.packages).filter(([path, entry]) => path !== "" && entry.dev !== true);
  return { ...lock, packages: { "": root, ...Object.fromEntries(packages) } };
}

/** Whether npm is making a package of this directory, and has not run prepack. */
function isPackedWithoutPrepack() {
  return Boolean(process.env["npm_package_resolved"]) && !existsSync(file);
}

switch (process.argv[2]) {
  case "write": {
    const lock = JSON.parse(readFileSync(new URL("../package-lock.json", import.meta.url), "utf8"));
    writeFileSync(file, `${JSON.stringify(shrinkwrapOf(lock), null, 2)}\n`);
    break;
  }
  case "remove":
    rmSync(file, { force: true });
    break;
  case "prepare":
    if (isPackedWithoutPrepack()) prepack();
}

function prepack() {
  if (!existsSync(new URL("../node_modules/typescript", import.meta.url))) {
    // `npm install --global` of a git repository: npm has not installed what the build needs
    console.error("feedctl cannot be built here. In a clone: npm ci && npm pack, then npm install --global the file");
    process.exit(1);
  }
  process.exitCode = spawnSync("npm run --silent prepack", { shell: true, stdio: "inherit" }).status ?? 1;
}
