// Bundles feedctl into the directory that is named: node .ci/bundle.js DIRECTORY. Loading several hundred modules, each
// from a file of its own, is most of the time that a command takes to start.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "rolldown";

const [directory] = process.argv.slice(2);
if (directory === undefined) throw new Error("name the directory to build into");

/** The modules that others load by their path: the program, its threads, and the maker of the embedded catalog's snapshot. */
const entries = [
  "main",
  "catalog/connection/make-snapshot",
  "catalog/connection/unpack-snapshot",
  "operations/import/package-worker",
  "stores/disk/worker",
];

/** A package of 250 modules. Others bring files beside their code, or are loaded by few commands. */
const bundled = "kysely";
const manifest = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));

await build({
  cwd: fileURLToPath(new URL("..", import.meta.url)),
  input: Object.fromEntries(entries.map((name) => [name, `./src/${name}.ts`])),
  platform: "node",
  external: Object.keys(manifest.dependencies)
    .filter((name) => name !== bundled)
    .map((name) => new RegExp(`^${name}(?:/|$)`)),
  // Node 22 has no `using`.
  transform: { target: "es2024" },
  output: {
    dir: directory,
    format: "esm",
    sourcemap: true,
    entryFileNames: "[name].js",
    // `src/lib/own-file.ts` counts on that all chunks lie in one directory
    chunkFileNames: "[name]-[hash].js",
    codeSplitting: { groups: [{ name: bundled, test: new RegExp(`[\\\\/]node_modules[\\\\/]${bundled}[\\\\/]`) }] },
  },
  logLevel: "warn",
});
