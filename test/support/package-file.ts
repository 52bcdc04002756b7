import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { TestContext } from "node:test";
import type { PackageFile } from "../../src/formats/format.ts";

export function packageFileAt(file: string): PackageFile {
  return { path: file, size: statSync(file).size, name: path.basename(file) };
}

/** Writes `bytes` as a file of that name, which is deleted when the test ends. */
export function packageFile(t: TestContext, name: string, bytes: Uint8Array): PackageFile {
  const directory = mkdtempSync(path.join(tmpdir(), "feedctl-package-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  writeFileSync(path.join(directory, name), bytes);
  return packageFileAt(path.join(directory, name));
}
