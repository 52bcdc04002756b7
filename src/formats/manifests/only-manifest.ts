import { invalid } from "../read-package.ts";

/** The manifest of an archive, which may stand in it several times. */
export interface OnlyManifest {
  /** The first that was added. */
  readonly found: { name: string; bytes: Buffer } | undefined;
  /**
   * Adds one that unpacking would put in the same place. Rejects one with other bytes: some tools read the first, others
   * the last. With the same bytes it makes no difference; old tools packed some files twice.
   */
  add(name: string, bytes: Buffer): void;
}

/** `title`: the name of the manifest in reasons. */
export function createOnlyManifest(title: string): OnlyManifest {
  let found: OnlyManifest["found"];
  return {
    get found() {
      return found;
    },
    add(name, bytes) {
      if (found !== undefined && !found.bytes.equals(bytes))
        throw invalid(`"${found.name}" and "${name}" would both be its ${title}, with different content`);
      found ??= { name, bytes };
    },
  };
}
