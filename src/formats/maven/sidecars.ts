import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { basename } from "node:path";
import { placeOf, readBeside } from "../read-neighbour.ts";
import type { PackageFile, ReadOptions } from "../format.ts";
import { invalid } from "../read-package.ts";

/** Checksums, and files that repositories and caches generate for themselves. */
const SIDECAR =
  /\.(?:md5|sha1|sha256|sha512|lastUpdated)$|^maven-metadata[^/]*\.xml|^(?:_remote\.repositories|_maven\.repositories|resolver-status\.properties|m2e-lastUpdated\.properties)$/i;

export function isMavenSidecar(name: string): boolean {
  return SIDECAR.test(name);
}

const algorithms = ["md5", "sha1", "sha256", "sha512"] as const;

/** Rejects a file that does not match a checksum beside it. A checksum file without a checksum only adds a warning. */
export async function verifyChecksums(file: PackageFile, options: ReadOptions, warnings: string[]): Promise<void> {
  const expected: { name: string; algorithm: string; digest: string }[] = [];
  const place = placeOf(file);
  for (const algorithm of algorithms) {
    const path = `${place.path}.${algorithm}`;
    const text = await readBeside(place, path);
    if (text === undefined) continue;
    const digest = findDigest(text.toString("latin1"), createHash(algorithm).digest().length * 2);
    if (digest === undefined) warnings.push(`the checksum file ${basename(path)} holds no ${algorithm} checksum`);
    else expected.push({ name: basename(path), algorithm, digest });
  }
  if (expected.length === 0) return;
  const hashes = expected.map(({ algorithm }) => createHash(algorithm));
  for await (const chunk of createReadStream(file.path, { highWaterMark: 1024 * 1024, signal: options.signal }))
    for (const hash of hashes) hash.update(chunk as Buffer);
  for (const [index, { name, algorithm, digest }] of expected.entries()) {
    if (hashes[index]!.digest("hex") !== digest) throw invalid(`its ${algorithm} does not match ${name}`);
  }
}

/** The digest alone, before a file name (`sha1sum`), or after one (`SHA1 (x) = ...`). */
function findDigest(text: string, length: number): string | undefined {
  return text
    .split(/[\s=*]+/)
    .find((word) => word.length === length && /^[0-9a-f]+$/i.test(word))
    ?.toLowerCase();
}
