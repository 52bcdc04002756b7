import { bytesOf } from "./text/parse-size.ts";

const KiB = 1024;
const MiB = 1024 * KiB;

interface Limit {
  default: number;
  unit: "bytes" | "count";
  /** What is limited, for the documentation. */
  about: string;
}

const bytes = (amount: number, about: string): Limit => ({ default: amount, unit: "bytes", about });
const count = (amount: number, about: string): Limit => ({ default: amount, unit: "count", about });

/**
 * How much of what others made is read: packages, archives, listings. What is beyond a limit is refused, so that memory
 * and time are bounded by these options and not by the input. The configuration can change each (docs/limits.md).
 */
export const limitTable = {
  // the limit of RubyGems and of its registry
  manifest: bytes(10 * MiB, "one manifest, uncompressed"),
  metadata: bytes(64 * KiB, "a package's metadata as JSON"),
  headerFields: count(20_000, "fields of one paragraph of headers"),
  xmlDepth: count(64, "nesting of XML elements"),
  xmlElements: count(400_000, "elements of an XML manifest"),
  yamlDepth: count(64, "nesting of YAML collections"),
  // a gem of 10 MiB has as many, if its files have names of 25 characters
  yamlTokens: count(1_500_000, "tokens of a YAML manifest"),
  inflated: bytes(4096 * MiB, "a stream that must be read to its end, uncompressed; an archive of assets"),
  ratio: count(1000, "uncompressed bytes for each compressed byte"),
  // a small file of one repeated byte is harmless
  ratioFrom: bytes(8 * MiB, "uncompressed bytes from which the ratio is checked"),
  tarEntries: count(1_000_000, "entries of a package's tar archive"),
  tarExtension: bytes(MiB, "a pax header or GNU long name of a tar archive"),
  zipEntries: count(500_000, "entries of a package's zip archive; listing as many takes a few seconds"),
  zipDirectory: bytes(64 * MiB, "the directory of a zip archive, which is in memory as a whole"),
  assetArchiveEntries: count(200_000, "entries of an archive of assets; each needs about 2 KiB of memory"),
  wheelRecord: bytes(64 * MiB, "a wheel's RECORD, which has a line for every file"),
  controlArchive: bytes(64 * MiB, "a Debian package's control archive, before and after unpacking"),
  rpmHeader: bytes(256 * MiB, "one header of an RPM package; only requested tags are kept in memory"),
  rpmTags: count(65_535, "tags of one header of an RPM package"),
  alpineControl: bytes(4 * MiB, "an Alpine package before its data, before and after unpacking"),
  condaInfoPacked: bytes(64 * MiB, "the info archive of a conda package, compressed"),
  condaInfo: bytes(256 * MiB, "the info archive of a conda package, uncompressed"),
  conanManifest: bytes(16 * MiB, "the manifest of a Conan package"),
  mavenEntries: count(10_000, "entries of a Maven archive that are searched for its POM"),
  inputPaths: bytes(256 * MiB, "a list of paths on standard input"),
  logLine: bytes(MiB, "one line of a log of downloads"),
  listingPage: bytes(256 * MiB, "one page of a cloud's listing"),
} as const satisfies Record<string, Limit>;

export type LimitName = keyof typeof limitTable;
export type Limits = Readonly<Record<LimitName, number>>;

const names = Object.keys(limitTable) as LimitName[];
const defaults = () => Object.fromEntries(names.map((name) => [name, limitTable[name].default]));

const current = defaults() as Record<LimitName, number>;

/** The limits of this process. */
export const limits: Limits = current;

/** Sets the limits of this process, or of a worker thread. What is not given has its default. */
export function setLimits(given: Partial<Limits>): void {
  Object.assign(current, defaults(), given);
}

/** Returns limits from values such as `100000` or `"64M"`, or what is wrong with them. */
export function parseLimits(given: Record<string, unknown>): Partial<Limits> | { problem: string } {
  const parsed: Partial<Record<LimitName, number>> = {};
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(limitTable, name)) return { problem: `"${name}" is not a limit` };
    const amount = typeof value === "string" ? bytesOf(value) : value;
    if (typeof amount !== "number" || !Number.isSafeInteger(amount) || amount < 1)
      return { problem: `the limit ${name} must be a whole number of at least 1, not ${JSON.stringify(value)}` };
    parsed[name as LimitName] = amount;
  }
  return parsed;
}
