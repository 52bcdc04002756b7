import { readTar, type TarEntry } from "../../lib/tar/read.ts";
import { limits } from "../../lib/limits.ts";
import { invalid } from "../read-package.ts";

/**
 * The entries of a package's tar stream, under the common limits. Rejects an entry whose name leads out of the
 * directory that it is unpacked into: feedctl never unpacks, but clients of the feed do.
 */
export async function* tarEntries(source: AsyncIterable<Uint8Array>): AsyncGenerator<TarEntry, void> {
  for await (const entry of readTar(source, { maxEntries: limits.tarEntries, maxExtension: limits.tarExtension })) {
    if (isUnsafePath(entry.name)) throw invalid(`the entry "${entry.name}" leads out of the package`);
    yield entry;
  }
}

/** Absolute, or with a `..` segment, read as Unix or as Windows would. */
function isUnsafePath(path: string): boolean {
  return /^([/\\]|[A-Za-z]:[/\\])/.test(path) || path.split(/[/\\]/).includes("..") || path.includes("\0");
}
