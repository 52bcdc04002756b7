// For the hidden steps of documentation pages:
// make-package npm FILE NAME VERSION [TEXT]; make-package nuget FILE ID VERSION
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { npmTarball, nupkg } from "./fixtures/packages.ts";

const [type, file = "", name = "", version = "", text] = process.argv.slice(2);
mkdirSync(dirname(file), { recursive: true });
if (type === "npm")
  writeFileSync(file, npmTarball({ name, version, ...(text !== undefined && { files: { "text.txt": text } }) }));
else if (type === "nuget") writeFileSync(file, nupkg({ id: name, version }));
else throw new Error(`make-package knows npm and nuget, not ${type}`);
