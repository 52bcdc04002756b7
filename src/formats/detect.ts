import { isFeedctlError } from "../errors.ts";
import type { Format, PackageFile, PackageIdentity } from "./format.ts";
import { invalid } from "./read-package.ts";

/** NuGet's container holds packages of three types, and only hints tell which: the reading that wonders least. */
const nugetKin = ["nuget", "chocolatey", "powershell"];

/**
 * Which of the formats a file is a package of, by its contents. Undefined: of none whose name or contents would fit.
 * Rejects with `invalid`: it should be one by its name, but is damaged, or it could be several.
 */
export async function detectFormat(
  file: PackageFile,
  formats: readonly Format[],
  signal: AbortSignal,
): Promise<Format | undefined> {
  const name = file.name.toLowerCase();
  const candidates = formats.filter(({ extensions }) => extensions.some((extension) => name.endsWith(extension)));
  if (candidates.length === 0) return undefined;
  const read: { format: Format; identity: PackageIdentity }[] = [];
  let problem: unknown;
  for (const format of candidates) {
    try {
      read.push({ format, identity: await format.read(file, { signal }) });
    } catch (error) {
      if (!isFeedctlError(error, "invalid")) throw error;
      problem ??= error;
    }
  }
  const kin = read
    .filter(({ format }) => nugetKin.includes(format.type))
    .toSorted(
      (a, b) =>
        a.identity.warnings.length - b.identity.warnings.length ||
        nugetKin.indexOf(a.format.type) - nugetKin.indexOf(b.format.type),
    );
  const [only, ...others] = [...read.filter((each) => !kin.includes(each)), ...kin.slice(0, 1)];
  if (only === undefined) throw problem;
  if (others.length === 0) return only.format;
  const types = [only, ...others].map(({ format }) => format.type).join(" and ");
  throw invalid(`${file.name} could be a package of several types: ${types}`);
}
