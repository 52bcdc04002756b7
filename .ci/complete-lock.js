// `npm install` forgets the optional packages of other platforms when the registry at hand does not carry them, and
// `npm ci` then refuses the lock file. This writes them back, without the hashes that only their registry knows.
// Run it after every `npm install`: npm run lock. With --check it only tells what is missing.
import { readFileSync, writeFileSync } from "node:fs";

const file = new URL("../package-lock.json", import.meta.url);
const lock = JSON.parse(readFileSync(file, "utf8"));
const missing = [];
for (const [path, entry] of Object.entries(lock.packages)) {
  for (const [name, range] of Object.entries(entry.optionalDependencies ?? {})) {
    if (isLocked(path, name)) continue;
    const version = /^[~^]?(\d+\.\d+\.\d+\S*)$/.exec(range)?.[1];
    if (version === undefined) throw new Error(`${path} wants ${name} ${range}: no version to write down`);
    missing.push(`${name}@${version}`);
    lock.packages[`node_modules/${name}`] = {
      version,
      ...platformOf(name),
      ...(entry.dev === true ? { dev: true } : {}),
      optional: true,
    };
  }
}

if (missing.length === 0) process.exit();
if (process.argv.includes("--check")) {
  console.error(`package-lock.json lacks packages of other platforms; run "npm run lock":\n${missing.join("\n")}`);
  process.exit(1);
}
lock.packages = Object.fromEntries(Object.entries(lock.packages).toSorted(([a], [b]) => a.localeCompare(b, "en")));
writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
console.log(`wrote down ${missing.length} packages`);

/** Whether Node would find the package from there. */
function isLocked(path, name) {
  for (let folder = path; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf("/node_modules/")))) {
    if (`${folder}/node_modules/${name}` in lock.packages) return true;
    if (!folder.includes("/node_modules/")) return `node_modules/${name}` in lock.packages;
  }
}

/** The platform as the name tells it: @oxc-parser/binding-linux-arm64-musl, @oxlint-tsgolint/win32-x64. */
function platformOf(name) {
  const [, os, cpu, abi = ""] = /(?:binding-|\/)([a-z0-9]+)-([a-z0-9]+)(?:-([a-z]+))?$/.exec(name) ?? [];
  if (os === undefined) throw new Error(`${name} does not tell its platform`);
  const libc =
    os === "linux" ? (abi.startsWith("musl") ? ["musl"] : abi.startsWith("gnu") ? ["glibc"] : undefined) : undefined;
  return { cpu: [cpu], ...(libc === undefined ? {} : { libc }), os: [os] };
}
