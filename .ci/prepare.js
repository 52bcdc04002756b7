// Builds feedctl where npm installs it from its git repository and runs `prepare` only. A clone is built when it is packed.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";

const has = (path) => existsSync(new URL(`../${path}`, import.meta.url));

if (process.env["npm_package_resolved"] && !has("dist/main.js")) {
  if (!has("node_modules/rolldown")) {
    // `npm install --global` of a git repository: npm has not installed what the build needs
    console.error("feedctl cannot be built here. In a clone: npm ci && npm pack, then npm install --global the file");
    process.exit(1);
  }
  process.exitCode = spawnSync("npm run --silent build", { shell: true, stdio: "inherit" }).status ?? 1;
}
