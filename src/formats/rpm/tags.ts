import type { RpmHeader } from "./header.ts";

/** Numbers of the tags that are read, from rpm's `rpmtag.h`. */
export const tags = {
  signature: { sha1: 269, longSize: 270, sha256: 273, size: 1000, md5: 1004 },
  name: 1000,
  version: 1001,
  release: 1002,
  epoch: 1003,
  arch: 1022,
  sourceRpm: 1044,
  noSource: 1051,
  noPatch: 1052,
  sourcePackage: 1106,
  payloadHash: 5092,
  payloadHashAlgorithm: 5093,
} as const;

const texts: Record<string, number> = {
  summary: 1004,
  description: 1005,
  buildHost: 1007,
  distribution: 1010,
  vendor: 1011,
  license: 1014,
  packager: 1015,
  group: 1016,
  url: 1020,
  sourceRpm: 1044,
};
const numbers: Record<string, number> = { buildTime: 1006, installedSize: 1009 };
/** Names, versions and flags of each kind of dependency. */
const dependencies: Record<string, readonly [number, number, number]> = {
  requires: [1049, 1050, 1048],
  provides: [1047, 1113, 1112],
  conflicts: [1054, 1055, 1053],
  obsoletes: [1090, 1115, 1114],
  recommends: [5046, 5047, 5048],
  suggests: [5049, 5050, 5051],
};

/** The metadata in the header. Dependencies are written as in spec files: `glibc >= 2.38`. */
export async function readRpmMetadata(header: RpmHeader): Promise<Record<string, unknown>> {
  const metadata: Record<string, unknown> = {};
  for (const [key, tag] of Object.entries(texts)) metadata[key] = await header.text(tag);
  for (const [key, tag] of Object.entries(numbers)) metadata[key] = (await header.numbers(tag))?.[0];
  for (const [key, lists] of Object.entries(dependencies)) metadata[key] = await readDependencies(header, lists);
  return metadata;
}

async function readDependencies(header: RpmHeader, [name, version, flag]: readonly [number, number, number]) {
  const names = await header.texts(name);
  const versions = (await header.texts(version)) ?? [];
  const flags = (await header.numbers(flag)) ?? [];
  const all = names?.map((text, i) => [text, operator(flags[i] ?? 0), versions[i] ?? ""].filter(Boolean).join(" "));
  // `rpmlib(...)` names features of rpm, not packages. Duplicates are common.
  return all && [...new Set(all.filter((text) => !text.startsWith("rpmlib(")))];
}

function operator(flags: number): string {
  const [less, greater, equal] = [(flags & 2) !== 0, (flags & 4) !== 0, (flags & 8) !== 0];
  return `${less ? "<" : ""}${greater ? ">" : ""}${equal ? "=" : ""}`;
}
