import { createByteReader, type ByteReader } from "../byte-reader.ts";
import { BLOCK, isZero, parsePax, parsePaxSize, parseTarHeader, TarError, type TarHeader } from "./header.ts";

export { TarError } from "./header.ts";

export interface TarEntry {
  /** As in the archive, with long names resolved. Untrusted. */
  name: string;
  /** `other`: devices, pipes and types that tools disagree on. */
  type: "file" | "directory" | "symlink" | "hardlink" | "other";
  /** Bytes of the body. */
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
  /** Headers of any kind, so that extension headers count, too. */
  maxEntries: number;
  /** Bytes of one pax header or GNU long name. */
  maxExtension: number;
  /** Decodes names outside pax headers. Default: UTF-8. */
  decodeName?: ((bytes: Uint8Array) => string) | undefined;
}

/**
 * Yields the entries of an uncompressed tar stream in archive order. Bodies that are not read are skipped. Throws
 * `TarError` for anything that two tools could interpret differently. Archives without an end marker are accepted
 * (Alpine packages have none).
 */
export async function* readTar(source: AsyncIterable<Uint8Array>, limits: TarLimits): AsyncGenerator<TarEntry, void> {
  const reader = createByteReader(source);
  const pending: Extensions = {};
  let headers = 0;
  try {
    for (;;) {
      const block = await reader.read(BLOCK);
      if (block.length === 0) break;
      if (isZero(block)) return await expectEnd(reader);
      if (block.length < BLOCK) throw new TarError("the tar archive ends inside a header");
      if (++headers > limits.maxEntries)
        throw new TarError(`the tar archive holds more than ${limits.maxEntries} entries`);
      const header = parseTarHeader(block, limits.decodeName);
      if (isExtension(header.flag)) {
        // A pax size applies to the file after the extension headers, never to an extension header itself.
        const body = createBody(reader, header.name, header.size);
        applyExtension(pending, header.flag, await body.read(limits.maxExtension), limits.decodeName);
        await body.finish();
        continue;
      }
      const { finish, ...entry } = createEntry(reader, header, pending);
      yield entry;
      await finish();
    }
    if (Object.keys(pending).length > 0) throw new TarError("the tar archive ends after an extension header");
  } finally {
    await reader.close();
  }
}

/** The values that pax and GNU headers set for the next entry. */
interface Extensions {
  name?: string;
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
      if (key.startsWith("GNU.sparse.")) throw new TarError("sparse files are not supported");
      if (!["path", "linkpath", "size"].includes(key)) continue;
      if (flag === "g") throw new TarError(`a global pax header sets "${key}" for every entry`);
      if (key === "path") pending.name = value;
      else if (key === "linkpath") pending.linkName = value;
      else pending.size = parsePaxSize(value);
    }
  }
}

function createEntry(
  reader: ByteReader,
  header: TarHeader,
  pending: Extensions,
): TarEntry & { finish(): Promise<void> } {
  const name = pending.name ?? header.name;
  const linkName = pending.linkName ?? header.linkName;
  const announced = pending.size ?? header.size;
  const time = pending.modified ?? header.modified;
  delete pending.name;
  delete pending.linkName;
  delete pending.size;
  delete pending.modified;
  const type = typeOf(header.flag, name);
  if ((type === "symlink" || type === "hardlink") && announced > 0) throw new TarError(`the link "${name}" has a body`);
  // Some tools write a directory's own size; no tool reads a body after it.
  const size = type === "directory" ? 0 : announced;
  const modified = time === undefined ? undefined : new Date(Math.floor(time * 1000));
  return { name, type, linkName, size, modified, ...createBody(reader, name, size) };
}

function typeOf(flag: string, name: string): TarEntry["type"] {
  if (flag === "S") throw new TarError("sparse files are not supported");
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
