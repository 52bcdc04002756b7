import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { someBytes } from "./bytes.ts";
import { npmFileName, npmTarball } from "./fixtures/packages.ts";

export interface PackageSetOptions {
  /** Size of the incompressible file in each package. */
  size?: number | undefined;
  version?: string | undefined;
  /** Beginning of the package names. */
  prefix?: string | undefined;
  /** The content depends on the seed. */
  seed?: number | undefined;
}

/**
 * Writes `count` npm packages into `directory`, the same bytes for the same options, and returns their paths by name.
 */
export function writePackages(directory: string, count: number, options: PackageSetOptions = {}): string[] {
  const { size = 2000, version = "1.0.0", prefix = "pack", seed = 1 } = options;
  mkdirSync(directory, { recursive: true });
  return Array.from({ length: count }, (_, index) => {
    const name = `${prefix}-${String(index).padStart(3, "0")}`;
    const file = join(directory, npmFileName({ name, version }));
    writeFileSync(file, npmTarball({ name, version, files: { "data.bin": someBytes(size, seed * 10_000 + index) } }));
    return file;
  });
}
