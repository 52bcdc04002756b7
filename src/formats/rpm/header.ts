import { decodeText } from "../manifests/decode-text.ts";
import { limits } from "../../lib/limits.ts";
import type { FileReader } from "../containers/open-reader.ts";
import { beyondLimit, invalid } from "../read-package.ts";

/** One of the two headers of an RPM package: values by tag number, read from the file on request. */
export interface RpmHeader {
  /** Where it begins and ends in the file. */
  readonly start: number;
  readonly end: number;
  has(tag: number): boolean;
  /**
   * Undefined when the header lacks the tag. Of texts in several languages the first, which is the untranslated one.
   */
  text(tag: number): Promise<string | undefined>;
  /** As `text`, for lists. A list of more than a mebibyte is undefined as well, with a warning. */
  texts(tag: number): Promise<string[] | undefined>;
  numbers(tag: number): Promise<number[] | undefined>;
  /** A binary value of a few bytes. */
  bytes(tag: number): Promise<Buffer | undefined>;
}

interface Entry {
  type: number;
  /** Position in the file. */
  offset: number;
  count: number;
}

/** Bytes of the longest hash, and more. */
const SHORT = 1024;
const MAGIC = "8eade801";
const INTRO = 16;
const ENTRY = 16;
const types = { int16: 3, int32: 4, int64: 5, string: 6, binary: 7, stringArray: 8, i18nString: 9 } as const;
const widths: Record<number, number> = { [types.int16]: 2, [types.int32]: 4, [types.int64]: 8 };

/** Reads the header that begins at `start`. `what` names it in errors. */
export async function readRpmHeader(
  reader: FileReader,
  start: number,
  what: string,
  warnings: string[],
): Promise<RpmHeader> {
  const intro = await reader.read(start, INTRO);
  if (intro.length < INTRO) throw invalid(`the file ends before its ${what}`);
  if (intro.toString("hex", 0, 4) !== MAGIC) throw invalid(`its ${what} does not begin as a header of RPM`);
  const count = intro.readUInt32BE(8);
  const size = intro.readUInt32BE(12);
  if (count > limits.rpmTags) throw beyondLimit("rpmTags", `its ${what} has`, { noun: "tags" });
  if (size > limits.rpmHeader) throw beyondLimit("rpmHeader", `its ${what} has`);
  const data = start + INTRO + count * ENTRY;
  const end = data + size;
  if (end > reader.size) throw invalid(`the file ends inside its ${what}`);
  const index = await reader.read(start + INTRO, count * ENTRY);
  const entries = parseIndex(index, { data, end }, what);

  function find(tag: number, ...wanted: number[]): Entry | undefined {
    const entry = entries.get(tag);
    if (entry === "twice") throw invalid(`its ${what} has the tag ${tag} twice`);
    if (entry !== undefined && !wanted.includes(entry.type))
      throw invalid(`its ${what} has the tag ${tag} of the wrong type`);
    return entry;
  }

  /** Reads `wanted` strings that end with a zero byte each; undefined when they need more than `limit` bytes. */
  async function strings(entry: Entry, wanted: number, limit: number): Promise<string[] | undefined> {
    const found: string[] = [];
    const bytes = await reader.read(entry.offset, Math.min(limit, end - entry.offset));
    for (let at = 0; found.length < wanted;) {
      const zero = bytes.indexOf(0, at);
      if (zero < 0 && bytes.length === limit) return undefined;
      if (zero < 0) throw invalid(`a text of its ${what} does not end`);
      found.push(decodeText(bytes.subarray(at, zero), what, warnings));
      at = zero + 1;
    }
    return found;
  }

  return {
    start,
    end,
    has: (tag) => entries.has(tag),
    async text(tag) {
      const entry = find(tag, types.string, types.i18nString, types.stringArray);
      if (entry === undefined) return undefined;
      const found = await strings(entry, 1, limits.manifest);
      if (found === undefined) throw beyondLimit("manifest", `a text of its ${what} has`);
      return found[0];
    },
    async texts(tag) {
      const entry = find(tag, types.stringArray, types.string);
      if (entry === undefined) return undefined;
      const found = await strings(entry, entry.count, limits.manifest);
      if (found === undefined) warnings.push(`the list in tag ${tag} of its ${what} is too long and was left out`);
      return found;
    },
    async numbers(tag) {
      const entry = find(tag, types.int16, types.int32, types.int64);
      if (entry === undefined) return undefined;
      const width = widths[entry.type]!;
      if (entry.count * width > Math.min(limits.manifest, end - entry.offset))
        throw invalid(`the numbers in tag ${tag} of its ${what} are too many`);
      const bytes = await reader.read(entry.offset, entry.count * width);
      return Array.from({ length: entry.count }, (_, i) => numberAt(bytes, i * width, width));
    },
    async bytes(tag) {
      const entry = find(tag, types.binary);
      if (entry === undefined) return undefined;
      if (entry.count > Math.min(SHORT, end - entry.offset))
        throw invalid(`the bytes in tag ${tag} of its ${what} are too many`);
      return reader.read(entry.offset, entry.count);
    },
  };
}

function parseIndex(index: Buffer, { data, end }: { data: number; end: number }, what: string) {
  const entries = new Map<number, Entry | "twice">();
  for (let at = 0; at < index.length; at += ENTRY) {
    const tag = index.readUInt32BE(at);
    const entry = {
      type: index.readUInt32BE(at + 4),
      offset: data + index.readUInt32BE(at + 8),
      count: index.readUInt32BE(at + 12),
    };
    if (entry.offset > end || entry.count === 0) throw invalid(`its ${what} is malformed at tag ${tag}`);
    entries.set(tag, entries.has(tag) ? "twice" : entry);
  }
  return entries;
}

function numberAt(bytes: Buffer, at: number, width: number): number {
  if (width === 8) return Number(bytes.readBigUInt64BE(at));
  return bytes.readUIntBE(at, width);
}
