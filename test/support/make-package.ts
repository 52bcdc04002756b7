// For the hidden steps of documentation pages: make-package (npm | nuget) FOLDER NAME@VERSION[=TEXT]...
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { npmFileName, npmTarball, nupkg } from "./fixtures/packages.ts";

const [type, folder = ".", ...packages] = process.argv.slice(2);
mkdirSync(folder, { recursive: true });
for (const each of packages) {
  const [, name = "", version = "", text] = /^(.+)@([^=]+)(?:=(.*))?$/.exec(each) ?? [];
  if (type === "nuget") writeFileSync(join(folder, `${name}.${version}.nupkg`), nupkg({ id: name, version }));
  else {
    const files = text === undefined ? {} : { files: { "text.txt": text } };
    writeFileSync(join(folder, npmFileName({ name, version })), npmTarball({ name, version, ...files }));
  }
}
