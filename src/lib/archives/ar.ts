/** The archive is malformed. The message is one line. */
export class ArError extends Error {
  override readonly name = "ArError";
}

export interface ArMember {
  /** Without the slash that GNU tools append. */
  name: string;
  /** Bytes of the body. */
  size: number;
  /** Where the body begins in the archive. */
  offset: number;
}

/** Reads bytes of the archive. Returns fewer than `length` only at its end. */
export type ReadAt = (offset: number, length: number) => Promise<Buffer>;

const MAGIC = "!<arch>\n";
const HEADER = 60;

/**
 * Yields the members of an ar archive of `size` bytes, in archive order. Reads only their headers. Throws `ArError`
 * unless members fill the archive to its last byte, and for names longer than 16 bytes, which GNU and BSD encode in
 * different ways.
 */
export async function* readAr(read: ReadAt, size: number): AsyncGenerator<ArMember, void> {
  const magic = await read(0, MAGIC.length);
  if (magic.toString("latin1") !== MAGIC) throw new ArError("it is not an ar archive");
  for (let at = MAGIC.length; at < size;) {
    const header = await read(at, HEADER);
    if (header.length < HEADER) throw new ArError("the ar archive ends inside a header");
    const member = parseHeader(header, at + HEADER);
    const end = member.offset + member.size;
    if (end > size) throw new ArError(`the ar archive ends inside "${member.name}"`);
    yield member;
    // Bodies begin at even offsets. Some tools leave out the padding after the last one.
    at = end % 2 === 1 && end < size ? end + 1 : end;
    if (at !== end && (await read(end, 1))[0] !== 0x0a)
      throw new ArError(`the padding after "${member.name}" is not a line feed`);
  }
}

function parseHeader(header: Buffer, offset: number): ArMember {
  if (header.toString("latin1", 58, 60) !== "`\n") throw new ArError("a header of the ar archive is malformed");
  const name = header.toString("latin1", 0, 16).trimEnd();
  const digits = header.toString("latin1", 48, 58).trimEnd();
  if (!/^[0-9]+$/.test(digits)) throw new ArError("a header of the ar archive holds no size");
  if (name === "" || /^(?:\/|#1\/)/.test(name)) throw new ArError("the ar archive has long names or a symbol table");
  return { name: name.replace(/\/$/, ""), size: Number(digits), offset };
}
