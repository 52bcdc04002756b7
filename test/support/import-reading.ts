import { createHash } from "node:crypto";
import type { TestContext } from "node:test";
import type { PackageType } from "../../src/formats/feed-types.ts";
import { loadFormat } from "../../src/formats/index.ts";
import { preparePackage } from "../../src/operations/import/prepare-package.ts";
import { packageFolder } from "./package-folder.ts";

/** Incompressible bytes, the same every time. */
export function noise(length: number): Buffer {
  const blocks = Array.from({ length: Math.ceil(length / 64) }, (_, n) => createHash("sha512").update(`${n}`).digest());
  return Buffer.concat(blocks).subarray(0, length);
}

/** Reads one file of a folder as an import does: its identity, then all of its bytes. */
export async function readIn(
  t: TestContext,
  type: PackageType,
  name: string,
  files: Record<string, string | Uint8Array>,
) {
  const format = await loadFormat(type);
  return preparePackage(format, packageFolder(t, files).file(name), name, {});
}
