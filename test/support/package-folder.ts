import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { TestContext } from "node:test";
import type { PackageFile } from "../../src/formats/format.ts";
import { packageFileAt } from "./package-file.ts";

/** Writes files by their paths below a temporary folder, which is deleted when the test ends. */
export function packageFolder(
  t: TestContext,
  files: Record<string, string | Uint8Array>,
): { directory: string; file(name: string): PackageFile } {
  const directory = mkdtempSync(path.join(tmpdir(), "feedctl-folder-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(directory, name)), { recursive: true });
    writeFileSync(path.join(directory, name), content);
  }
  return { directory, file: (name) => packageFileAt(path.join(directory, name)) };
}
