import { ArError, readAr } from "../lib/archives/ar.ts";
import { createByteReader } from "../lib/bytes/byte-reader.ts";
import { endsAsBzip2, endsAsXz, type Range } from "../lib/archives/compressed-end.ts";
import { limits } from "../lib/limits.ts";
import { readZipDirectory, ZipError } from "../lib/archives/zip/directory.ts";
import { openReader, type FileReader } from "./containers/open-reader.ts";
import { findRpmPayload } from "./rpm/payload.ts";
import type { Packing } from "./containers/unpack-stream.ts";
import { createPartChecker, startOf, type CheckedPart } from "./containers/part-check.ts";
import { containerOf, type Container } from "./containers/sniff.ts";
import type { Format, PackageFile, ReadOptions } from "./format.ts";
import { aboutFile, beyondLimit, invalid } from "./read-package.ts";

/** Proves that the archive in a package file is complete and undamaged, while its bytes are read for another purpose. */
export interface WholeCheck {
  /**
   * Reads all bytes of the file. Returns warnings. Rejects with `invalid` when the archive is damaged, perhaps before
   * the last byte.
   */
  read(bytes: AsyncIterable<Uint8Array>): Promise<string[]>;
}

/**
 * What `format.read` leaves unread is checked here, because an import may delete the only copy: the directory of a zip
 * archive and the checksums of all its members, compressed data to its end, the hashes that a package states of itself. Undefined when nothing is left to check.
 * Rejects with `invalid` for an archive that is cut off.
 */
export async function openWholeCheck(
  format: Format,
  file: PackageFile,
  options: ReadOptions = {},
): Promise<WholeCheck | undefined> {
  return aboutFile(file, "is damaged or incomplete", options.signal, async () => {
    await using reader = await openReader(file);
    const parts = await findParts(format, file, reader);
    if (parts.length === 0) return undefined;
    return {
      read: (bytes) => aboutFile(file, "is damaged or incomplete", options.signal, () => readParts(parts, bytes)),
    };
  });
}

async function readParts(parts: readonly CheckedPart[], bytes: AsyncIterable<Uint8Array>): Promise<string[]> {
  const reader = createByteReader(bytes);
  const checker = createPartChecker();
  try {
    let at = 0;
    for (const part of parts) {
      at += await reader.skip(startOf(part) - at);
      at += await checker.check(reader, part);
    }
    await reader.skip(Number.MAX_SAFE_INTEGER);
  } finally {
    await reader.close();
  }
  const { unchecked, unreadable } = checker;
  const warnings: string[] = [];
  if (unchecked > 0)
    warnings.push(`${partsOf(unchecked)} would unpack to more than the limits (inflated, ratio): not checked`);
  if (unreadable > 0)
    warnings.push(`${partsOf(unreadable)} cannot be unpacked here (encrypted, or of another compression): not checked`);
  return warnings;
}

function partsOf(count: number): string {
  return `${count === 1 ? "a part" : `${count} parts`} of it`;
}

async function findParts(format: Format, file: PackageFile, reader: FileReader): Promise<CheckedPart[]> {
  const head = await reader.read(0, 512);
  const range = { start: 0, end: reader.size };
  // executable jars begin with a shell script
  const isScript = head.toString("latin1", 0, 2) === "#!" && /\.(?:jar|war)$/i.test(file.name);
  const container = isScript ? "zip" : containerOf(head);
  switch (container) {
    case "zip":
      return (await zipMembers(reader)).map((zip) => ({ zip }));
    case "ar":
      return findDataPart(reader);
    case "tar":
      return format.unpacksTarballs === true ? [] : [{ tar: { name: file.name, ...range } }];
    case "gzip":
    case "bzip2":
    case "xz":
    case "zstd":
      return format.unpacksTarballs === true
        ? []
        : [await findPacked(reader, container, { name: file.name, ...range })];
    case "rpm":
      return findRpmPayload(reader);
    default:
      return [];
  }
}

async function zipMembers(reader: FileReader) {
  try {
    const tooLong = () => beyondLimit("zipDirectory", "the directory of the zip archive has");
    return await readZipDirectory(reader.read, reader.size, { most: limits.zipDirectory, tooLong });
  } catch (error) {
    throw error instanceof ZipError ? invalid(error.message, error) : error;
  }
}

/** Data whose end is missing is refused at once, before a byte of it is unpacked, and also beyond the limits. */
async function findPacked(
  reader: FileReader,
  packing: Packing,
  part: Range & { name: string; what?: string },
): Promise<CheckedPart> {
  const { name, start, end } = part;
  const endsAs = packing === "xz" ? endsAsXz : packing === "bzip2" ? endsAsBzip2 : undefined;
  if (endsAs !== undefined && !(await endsAs(reader.read, { start, end })))
    throw invalid(`${part.what ?? "its compressed data"} (${packing}) ends early or is damaged`);
  return { packed: { name, start, end, packing } };
}

/** How dpkg reads a data archive, by its name. */
const DATA: Record<string, Container | undefined> = {
  "data.tar.gz": "gzip",
  "data.tar.bz2": "bzip2",
  "data.tar.xz": "xz",
  "data.tar.zst": "zstd",
};

/** The data archive of a Debian package, which is not unpacked to read its identity. */
async function findDataPart(reader: FileReader): Promise<CheckedPart[]> {
  const parts: CheckedPart[] = [];
  try {
    for await (const { name, offset, size } of readAr(reader.read, reader.size)) {
      if (!name.startsWith("data.tar")) continue;
      const range = { start: offset, end: offset + size };
      const container = containerOf(await reader.read(offset, Math.min(size, 512)));
      const expected = DATA[name];
      if (expected !== undefined && expected !== container) throw invalid(`its ${name} is not ${expected} data`);
      if (container === "tar") parts.push({ tar: { name, ...range } });
      else if (name === "data.tar.lzma") parts.push({ unreadable: { name, ...range } });
      else if (container === "gzip" || container === "bzip2" || container === "xz" || container === "zstd")
        parts.push(await findPacked(reader, container, { name, what: `its ${name}`, ...range }));
    }
  } catch (error) {
    throw error instanceof ArError ? invalid(error.message, error) : error;
  }
  return parts;
}
