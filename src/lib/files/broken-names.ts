import { readdir } from "node:fs/promises";

export interface BrokenName {
  /** The path as bytes. Decoded to text it names another file, or none. */
  path: Buffer;
  /** For messages: each byte that is not printable ASCII as `\xNN`, which shells understand in `$'...'`. */
  shown: string;
}

/**
 * Separates the entries whose names are not UTF-8. Node decodes such a name with U+FFFD, and the result does not open
 * the file. A valid name that contains U+FFFD stays in `whole`.
 */
export async function splitBrokenNames<T extends { name: string }>(
  folder: string,
  entries: readonly T[],
): Promise<{ whole: T[]; broken: (BrokenName & { entry: T })[] }> {
  const doubtful = entries.filter(({ name }) => name.includes(REPLACEMENT));
  if (doubtful.length === 0) return { whole: [...entries], broken: [] };
  const genuine = new Set<string>();
  const damaged: { name: string; bytes: Buffer }[] = [];
  for (const bytes of await readdir(folder, { encoding: "buffer" })) {
    const name = bytes.toString();
    if (Buffer.from(name).equals(bytes)) genuine.add(name);
    else damaged.push({ name, bytes });
  }
  const whole = new Map(entries.map((entry) => [entry.name, entry]));
  for (const { name } of doubtful) if (!genuine.has(name)) whole.delete(name);
  const broken = damaged.flatMap(({ name, bytes }) => {
    const entry = doubtful.find((each) => each.name === name);
    const path = Buffer.concat([Buffer.from(`${folder}/`), bytes]);
    return entry === undefined ? [] : [{ entry, path, shown: show(bytes) }];
  });
  return { whole: [...whole.values()], broken };
}

const REPLACEMENT = "\ufffd";

function show(bytes: Buffer): string {
  return [...bytes]
    .map((byte) =>
      byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, "0")}`,
    )
    .join("");
}
