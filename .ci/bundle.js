// Bundles feedctl and the packages that it uses into the directory that is named: node .ci/bundle.js DIRECTORY. Loading
// several hundred modules, each from a file of its own, is most of the time that a command takes to start; of most packages
// only a small part is used.
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "rolldown";

const [directory] = process.argv.slice(2);
if (directory === undefined) throw new Error("name the directory to build into");
const repository = fileURLToPath(new URL("..", import.meta.url));

/** The modules that others load by their path: the program, its threads, and the maker of the embedded catalog's snapshot. */
const entries = [
  "main",
  "catalog/connection/make-snapshot",
  "catalog/connection/unpack-snapshot",
  "operations/import/package-worker",
  "stores/disk/worker",
];

const { dependencies } = JSON.parse(readFileSync(join(repository, "package.json"), "utf8"));

const { output } = await build({
  cwd: repository,
  input: Object.fromEntries(entries.map((name) => [name, `./src/${name}.ts`])),
  platform: "node",
  // its `paths` lead to types only
  tsconfig: false,
  // what is installed beside the bundle: packages that load other files than code
  external: Object.keys(dependencies).map((name) => new RegExp(`^${name}(?:/|$)`)),
  // Node 22 has no `using`.
  transform: { target: "es2024" },
  output: {
    dir: directory,
    format: "esm",
    entryFileNames: "[name].js",
    // `src/lib/own-file.ts` counts on that all chunks lie in one directory
    chunkFileNames: "[name]-[hash].js",
    codeSplitting: { groups: [{ name: "kysely", test: /[\\/]node_modules[\\/]kysely[\\/]/ }] },
  },
  logLevel: "warn",
});

// Packages that are found here, because developers need them, are not found by an installed feedctl.
const chunks = new Set(output.map(({ fileName }) => fileName));
const imported = output.flatMap(({ imports = [], dynamicImports = [] }) => [...imports, ...dynamicImports]);
const outside = imported.filter((name) => !chunks.has(name) && !isBuiltin(name)).map((name) => packageName(name));
const missing = outside.filter((name) => !(name in dependencies) && existsSync(join(repository, "node_modules", name)));
if (missing.length > 0) throw new Error(`not in the bundle, and not installed beside it: ${missing.join(", ")}`);

const write = (name, text) => writeFileSync(join(repository, directory, name), text);
const parts = output.map(({ fileName, moduleIds = [] }) => [fileName, packagesOf(moduleIds)]);
write("packages.json", `${JSON.stringify(Object.fromEntries(parts.map(namesOf)), null, 1)}\n`);
write("THIRD-PARTY-NOTICES.txt", noticesOf([...new Set(parts.flatMap(([, folders]) => folders))].toSorted(compare)));

/** Of an import: `@scope/name` of `@scope/name/file`. */
function packageName(specifier) {
  return /^(?:@[^/]+\/)?[^/]+/.exec(specifier)?.[0];
}

/** The folders of the packages that modules belong to, without feedctl's own. */
function packagesOf(modules) {
  const pattern = /^.*[\\/]node_modules[\\/](?:@[^\\/]+[\\/])?[^\\/]+/;
  return [...new Set(modules.flatMap((module) => pattern.exec(module)?.[0] ?? []))];
}

function namesOf([file, folders]) {
  const names = folders.map((folder) => manifestOf(folder)).map(({ name, version }) => `${name}@${version}`);
  return [file, names.toSorted(compare)];
}

function manifestOf(folder) {
  return JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
}

/** The licences of packages, which they ask to be passed on, each with the names of its packages. */
function noticesOf(folders) {
  const packages = folders.map((folder) => {
    const { name, version, license } = manifestOf(folder);
    const files = readdirSync(folder).filter((file) => /^(?:licen[cs]e|notice|copying)/i.test(file));
    const texts = files.map((file) => readFileSync(join(folder, file), "utf8").trim());
    return { title: `${name} ${version}`, text: [`Licence: ${license}`, ...texts].join("\n\n") };
  });
  const notices = Map.groupBy(packages, ({ text }) => text);
  return Array.from(notices, ([text, of]) => `${of.map(({ title }) => title).join("\n")}\n\n${text}\n`).join(
    `\n${"-".repeat(80)}\n\n`,
  );
}

function compare(a, b) {
  return a < b ? -1 : 1;
}
