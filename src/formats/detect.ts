import { isFeedctlError } from "../errors.ts";
import type { Format, PackageFile, PackageIdentity } from "./format.ts";
import { invalid, WrongNameError } from "./read-package.ts";

/** The format that a file is a package of; `problem`: why the format refuses it all the same, by its name. */
export interface DetectedFormat {
  format: Format;
  problem?: WrongNameError;
}

/**
 * Detects the format of a file by its contents. Returns undefined when no format reads it and its name is of none.
 * Rejects with `invalid` when its name is that of a package but it is damaged, or when it could be of several types.
 */
export async function detectFormat(
  file: PackageFile,
  formats: readonly Format[],
  signal: AbortSignal,
): Promise<DetectedFormat | undefined> {
  const name = file.name.toLowerCase();
  const fits = ({ extensions }: Format) => extensions.some((extension) => name.endsWith(extension));
  const likely = formats.filter(fits);
  let found = await readAs(file, likely, signal);
  const { problem, wrongName } = found;
  // no file extension, or a wrong one: stdin has none
  if (found.read.length === 0) {
    const others = formats.filter((format) => !likely.includes(format));
    found = await readAs(file, others, signal);
  }
  const [only, ...others] = found.read.filter((reading) => reading === likeliest(reading, found.read));
  if (only !== undefined && others.length === 0) return { format: only.format };
  if (only !== undefined) {
    const types = [only, ...others].map(({ format }) => format.type).join(" and ");
    throw invalid(`${file.name} could be a package of several types: ${types}`);
  }
  const refused = wrongName ?? found.wrongName;
  if (refused !== undefined) return refused;
  if (problem === undefined) return undefined;
  throw problem;
}

/** Among formats with the same container, returns the reading with the fewest warnings: only hints distinguish them. */
function likeliest(reading: Reading, all: readonly Reading[]): Reading | undefined {
  const { container } = reading.format;
  if (container === undefined) return reading;
  const warnings = ({ identity }: Reading) => identity.warnings.length;
  return all.filter(({ format }) => format.container === container).toSorted((a, b) => warnings(a) - warnings(b))[0];
}

interface Reading {
  format: Format;
  identity: PackageIdentity;
}

interface Readings {
  read: Reading[];
  /** Why the first format with this file extension rejected the file. */
  problem: unknown;
  /** The first format that rejected nothing but the name. */
  wrongName: DetectedFormat | undefined;
}

async function readAs(file: PackageFile, formats: readonly Format[], signal: AbortSignal): Promise<Readings> {
  const read: Readings["read"] = [];
  let problem: unknown;
  let wrongName: DetectedFormat | undefined;
  for (const format of formats) {
    try {
      read.push({ format, identity: await format.read(file, { signal }) });
    } catch (error) {
      if (!isFeedctlError(error, "invalid")) throw error;
      if (error instanceof WrongNameError) wrongName ??= { format, problem: error };
      const byName = !format.extensions.includes("") || format.usualNames?.test(file.name);
      if (byName) problem ??= error;
    }
  }
  return { read, problem, wrongName };
}
