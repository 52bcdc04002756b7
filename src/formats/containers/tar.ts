import { readTar, TarLimitError, type TarEntry, type TarLimits } from "../../lib/archives/tar/read.ts";
import { limits, type LimitName } from "../../lib/limits.ts";
import { beyondLimit, invalid } from "../read-package.ts";

/** An entry of a package's tar archive. */
export interface PackageTarEntry extends Omit<TarEntry, "read"> {
  /** Reads the whole body. Once, before the next entry is requested. Rejects beyond the limit. */
  read(limit: LimitName): Promise<Buffer>;
}

/**
 * The entries of a package's tar stream, under the common limits. Rejects an entry whose name leads out of the
 * directory that it is unpacked into: feedctl never unpacks, but clients of the feed do.
 */
export async function* tarEntries(
  source: AsyncIterable<Uint8Array>,
  { needsEnd }: Pick<TarLimits, "needsEnd"> = {},
): AsyncGenerator<PackageTarEntry, void> {
  const bounds = { maxEntries: limits.tarEntries, maxExtension: limits.tarExtension, needsEnd };
  try {
    for await (const entry of readTar(source, bounds)) {
      if (isUnsafePath(entry.name)) throw invalid(`the entry "${entry.name}" leads out of the package`);
      yield {
        ...entry,
        read: async (limit) => {
          if (entry.size > limits[limit]) throw beyondLimit(limit, `"${entry.name}" has`);
          return entry.read(limits[limit]);
        },
      };
    }
  } catch (error) {
    throw tarError(error, "tarEntries");
  }
}

/** An error of `readTar` that names the limit. `entries`: the limit of the number of entries. */
export function tarError(error: unknown, entries: LimitName): unknown {
  if (!(error instanceof TarLimitError)) return error;
  return error.limit === "entries"
    ? beyondLimit(entries, "the tar archive holds", { noun: "entries", cause: error })
    : beyondLimit("tarExtension", "an extension header of the tar archive has", { cause: error });
}

/** Absolute, or with a `..` segment, read as Unix or as Windows would. */
function isUnsafePath(path: string): boolean {
  return /^([/\\]|[A-Za-z]:[/\\])/.test(path) || path.split(/[/\\]/).includes("..") || path.includes("\0");
}
