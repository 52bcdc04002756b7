import { createByteReader, type ByteReader } from "../../bytes/byte-reader.ts";
import {
  BLOCK,
  isContinued,
  isZero,
  parsePax,
  parsePaxSize,
  parseTarHeader,
  TarError,
  TarLimitError,
  type TarHeader,
} from "./header.ts";

export { TarError, TarLimitError } from "./header.ts";

export interface TarEntry {
  /** As in the archive, with long names resolved. Untrusted. */
  name: string;
  /**
   * `sparse file`: one whose holes are left out, so that its body is not its content. `other`: devices, pipes and types
   * that tools disagree on.
   */
  type: "file" | "sparse file" | "directory" | "symlink" | "hardlink" | "other";
  /** Bytes of the body in the archive. */
  size: number;
  linkName: string;
  /** Undefined: absent or malformed in the archive. */
  modified: Date | undefined;
  /** Reads the whole body. Once, before the next entry is requested. Throws if it is longer than `limit` bytes. */
  read(limit: number): Promise<Buffer>;
  /** Yields the body in chunks instead. Once, before the next entry is requested. */
  chunks(): AsyncGenerator<Buffer, void>;
}

export interface TarLimits {
  maxEntries: number;
  /** Bytes of one pax header or GNU long name. */
  maxExtension: number;
  /** Decodes names outside pax headers. Default: UTF-8. */
  decodeName?: ((bytes: Uint8Array) => string) | undefined;
  /** Refuse an archive without an end marker, which may have been cut off between two entries. Default: accept it. */
  needsEnd?: boolean | undefined;
}

/**
 * Yields the entries of an uncompressed tar stream in archive order. Bodies that are not read are skipped. Throws
 * `TarError` for anything that two tools could interpret differently, `TarLimitError` beyond a limit. Archives without
 * an end marker are accepted unless `needsEnd` is set (Alpine packages have none).
 */
export async function* readTar(source: AsyncIterable<Uint8Array>, limits: TarLimits): AsyncGenerator<TarEntry, void> {
  const reader = createByteReader(source);
  const pending: Extensions = {};
  let entries = 0;
  let extensions = 0;
  try {
    for (;;) {
      const block = await reader.read(BLOCK);
      if (block.length === 0) {
        if (limits.needsEnd === true)
          throw new TarError("the tar archive has no end: it was cut off between two entries");
        break;
      }
      if (isZero(block)) return await expectEnd(reader);
      if (block.length < BLOCK) throw new TarError("the tar archive ends inside a header");
      const header = parseTarHeader(block, limits.decodeName);
      if (isExtension(header.flag)) {
        if (++extensions > MOST_EXTENSIONS)
          throw new TarError(`an entry has more than ${MOST_EXTENSIONS} extension headers`);
        // A pax size applies to the file after the extension headers, never to an extension header itself.
        const body = createBody(reader, header.name, header.size);
        if (header.size > limits.maxExtension)
          throw new TarLimitError("extension", `an extension header has ${header.size} bytes`);
        applyExtension(pending, header.flag, await body.read(limits.maxExtension), limits.decodeName);
        await body.finish();
        continue;
      }
      if (++entries > limits.maxEntries)
        throw new TarLimitError("entries", `the tar archive holds more than ${limits.maxEntries} entries`);
      extensions = 0;
      for (let hasMore = header.hasMore; hasMore;) hasMore = isContinued(await reader.read(BLOCK));
      const { finish, ...entry } = createEntry(reader, header, pending);
      yield entry;
      await finish();
    }
    if (Object.keys(pending).length > 0) throw new TarError("the tar archive ends after an extension header");
  } finally {
    await reader.close();
  }
}

/** Before one entry. Tools write at most three: a pax header, a long name and a long link name. */
const MOST_EXTENSIONS = 16;

/** The values that pax and GNU headers set for the next entry. */
interface Extensions {
  name?: string;
  isSparse?: boolean;
  /** The name of a sparse file; `name` is then a made-up one, for tools that do not know sparse files. */
  sparseName?: string;
  linkName?: string;
  size?: number;
  /** Seconds since 1970. */
  modified?: number;
}

function isExtension(flag: string): boolean {
  return ["x", "X", "g", "L", "K"].includes(flag);
}

function applyExtension(pending: Extensions, flag: string, body: Buffer, decode: TarLimits["decodeName"]): void {
  if (flag === "L") pending.name = (decode?.(body) ?? body.toString("utf8")).replace(/\0.*$/s, "");
  else if (flag === "K") pending.linkName = body.toString("utf8").replace(/\0.*$/s, "");
  else {
    for (const [key, value] of parsePax(body)) {
      if (key === "mtime" && flag !== "g" && /^\d{1,12}(\.\d*)?$/.test(value)) pending.modified = Number(value);
      if (flag !== "g" && key.startsWith("GNU.sparse.")) {
        pending.isSparse = true;
        if (key === "GNU.sparse.name") pending.sparseName = value;
      }
      if (!["path", "linkpath", "size"].includes(key) && !key.startsWith("GNU.sparse.")) continue;
      if (flag === "g") throw new TarError(`a global pax header sets "${key}" for every entry`);
      if (key === "path") pending.name = value;
      else if (key === "linkpath") pending.linkName = value;
      else if (key === "size") pending.size = parsePaxSize(value);
    }
  }
}

function createEntry(
  reader: ByteReader,
  header: TarHeader,
  pending: Extensions,
): TarEntry & { finish(): Promise<void> } {
  const given = pending.name ?? header.name;
  const name = pending.sparseName ?? given;
  // tools that do not know sparse files use the other name, which must not be that of another file
  if (pending.sparseName !== undefined && !/(?:^|\/)GNUSparseFile\.[0-9]+\//.test(given))
    throw new TarError(`the sparse file "${name}" has another name, "${given}"`);
  const isSparse = pending.isSparse === true || header.flag === "S";
  const linkName = pending.linkName ?? header.linkName;
  const announced = pending.size ?? header.size;
  const time = pending.modified ?? header.modified;
  delete pending.name;
  delete pending.isSparse;
  delete pending.sparseName;
  delete pending.linkName;
  delete pending.size;
  delete pending.modified;
  const type = isSparse ? "sparse file" : typeOf(header.flag, name);
  if ((type === "symlink" || type === "hardlink") && announced > 0) throw new TarError(`the link "${name}" has a body`);
  // Some tools write a directory's own size; no tool reads a body after it.
  const size = type === "directory" ? 0 : announced;
  const modified = time === undefined ? undefined : new Date(Math.floor(time * 1000));
  return { name, type, linkName, size, modified, ...createBody(reader, name, size) };
}

function typeOf(flag: string, name: string): TarEntry["type"] {
  if (flag === "1") return "hardlink";
  if (flag === "2") return "symlink";
  // Before the type flag existed, a trailing slash marked a directory.
  if (flag === "5" || (flag === "0" && name.endsWith("/"))) return "directory";
  return flag === "0" ? "file" : "other";
}

function createBody(reader: ByteReader, name: string, size: number) {
  let rest = size + ((BLOCK - (size % BLOCK)) % BLOCK);
  return {
    async read(limit: number): Promise<Buffer> {
      if (size > limit) throw new TarError(`"${name}" is ${size} bytes long; at most ${limit} are read`);
      const body = await reader.read(size);
      rest -= body.length;
      if (body.length < size) throw new TarError(`the tar archive ends inside "${name}"`);
      return body;
    },
    async *chunks(): AsyncGenerator<Buffer, void> {
      for (let missing = size; missing > 0;) {
        const piece = await reader.read(Math.min(missing, 64 * 1024));
        if (piece.length === 0) throw new TarError(`the tar archive ends inside "${name}"`);
        missing -= piece.length;
        rest -= piece.length;
        yield piece;
      }
    },
    async finish(): Promise<void> {
      if ((await reader.skip(rest)) < rest) throw new TarError(`the tar archive ends inside "${name}"`);
    },
  };
}

/** Refuses data after the end marker: some tools would read it as further files. */
async function expectEnd(reader: ByteReader): Promise<void> {
  for (;;) {
    const rest = await reader.read(64 * 1024);
    if (rest.length === 0) return;
    if (!isZero(rest)) throw new TarError("data follows the end of the tar archive");
  }
}
