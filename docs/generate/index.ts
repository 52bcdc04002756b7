// `npm run docs` writes docs/reference, the pictures and the list of man pages in package.json; `npm run build` writes the man pages:
// node docs/generate/index.ts [--man FOLDER]
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { manPages } from "./man.ts";
import { referencePages } from "./markdown.ts";
import { readManual, repository } from "./model.ts";
import { pictures } from "./pictures.ts";

const [option, folder] = process.argv.slice(2);
const manual = readManual();
if (option === "--man" && folder !== undefined) writeAll(folder, manPages(manual));
else {
  writeAll(join(repository, "docs", "reference"), referencePages(manual));
  for (const [name, picture] of pictures()) writeFileSync(join(repository, "docs", name), picture);
  listManPages([...manPages(manual).keys()]);
}

/** The folder holds these files afterwards, and no others. */
function writeAll(target: string, files: ReadonlyMap<string, string>): void {
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target, { recursive: true });
  for (const [name, text] of files) writeFileSync(join(target, name), text);
}

/** npm links only man pages that package.json names one by one: it ignores `directories.man` in a global installation. */
function listManPages(names: readonly string[]): void {
  const file = join(repository, "package.json");
  const manifest = JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>;
  manifest["man"] = names.map((name) => `./dist/man/${name}`);
  writeFileSync(file, `${JSON.stringify(manifest, null, 2)}\n`);
}
