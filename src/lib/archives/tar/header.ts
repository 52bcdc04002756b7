/** The archive is malformed. The message is one line. */
export class TarError extends Error {
  override readonly name = "TarError";
}

/** The archive exceeds a limit of the caller. */
export class TarLimitError extends TarError {
  readonly limit: "entries" | "extension";

  constructor(limit: TarLimitError["limit"], message: string) {
    super(message);
    this.limit = limit;
  }
}

export const BLOCK = 512;

export interface TarHeader {
  name: string;
  linkName: string;
  size: number;
  /** Seconds since 1970. Undefined: absent or malformed. */
  modified: number | undefined;
  /** The type flag as a character. All flags for a regular file are `0`. */
  flag: string;
  /** Whether a block with more of a sparse file's map follows (GNU's older format). */
  hasMore: boolean;
}

/**
 * Parses one header block: POSIX ustar, GNU or the older format. Throws for a wrong checksum and for any invalid number
 * that is used, because tools treat such headers differently. `decode`: of names; the default is UTF-8.
 */
export function parseTarHeader(block: Buffer, decode?: (bytes: Uint8Array) => string): TarHeader {
  if (!hasChecksum(block)) throw new TarError("a tar header has a wrong checksum");
  const flag = block[156] === 0 || block[156] === 0x37 ? "0" : String.fromCharCode(block[156]!);
  // GNU headers have other fields in the place of the POSIX prefix.
  const prefix = block.toString("latin1", 257, 263) === "ustar\0" ? text(block, 345, 155, decode) : "";
  const name = text(block, 0, 100, decode);
  return {
    name: prefix === "" ? name : `${prefix}/${name}`,
    linkName: text(block, 157, 100),
    size: number(block.subarray(124, 136)),
    modified: seconds(block),
    flag,
    hasMore: flag === "S" && block[482] !== 0,
  };
}

/** Whether a block of a sparse file's map is followed by another. */
export function isContinued(map: Buffer): boolean {
  return map.length === BLOCK && map[504] !== 0;
}

/** The records `length key=value\n` of a pax header. Throws for a malformed record. */
export function parsePax(body: Buffer): Map<string, string> {
  const records = new Map<string, string>();
  let offset = 0;
  while (offset < body.length) {
    const blank = body.indexOf(0x20, offset);
    const digits = blank < 0 ? "" : body.toString("latin1", offset, blank);
    const end = offset + Number(digits);
    const equals = body.indexOf(0x3d, blank);
    if (
      !/^[1-9][0-9]{0,8}$/.test(digits) ||
      end > body.length ||
      body[end - 1] !== 0x0a ||
      equals < 0 ||
      equals >= end
    ) {
      throw new TarError("a pax header is malformed");
    }
    const value = body.toString("utf8", equals + 1, end - 1);
    if (value.includes("\0")) throw new TarError("a pax header holds a NUL character");
    records.set(body.toString("utf8", blank + 1, equals), value);
    offset = end;
  }
  return records;
}

const ZEROS = Buffer.alloc(64 * 1024);

/** For at most 64 KiB. Compares whole buffers, because a hostile archive may end in gigabytes of zeros. */
export function isZero(bytes: Buffer): boolean {
  return bytes.equals(ZEROS.subarray(0, bytes.length));
}

/** The size in a pax record. */
export function parsePaxSize(value: string): number {
  const size = /^[0-9]{1,16}$/.test(value) ? Number(value) : Number.NaN;
  if (!Number.isSafeInteger(size)) throw new TarError("a pax header holds an impossible size");
  return size;
}

/** Checks the sum of all bytes, with the checksum field as blanks. Old tools added signed bytes; both are accepted. */
function hasChecksum(block: Buffer): boolean {
  let unsigned = 8 * 0x20;
  let negatives = 0;
  for (let i = 0; i < BLOCK; i++) {
    if (i >= 148 && i < 156) continue;
    unsigned += block[i]!;
    if (block[i]! >= 0x80) negatives++;
  }
  const digits = text(block, 148, 8).trim();
  const expected = /^[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : undefined;
  return expected === unsigned || expected === unsigned - 256 * negatives;
}

function text(block: Buffer, offset: number, length: number, decode?: (bytes: Uint8Array) => string): string {
  const zero = block.indexOf(0, offset);
  const end = zero < 0 ? offset + length : Math.min(zero, offset + length);
  return decode === undefined ? block.toString("utf8", offset, end) : decode(block.subarray(offset, end));
}

/** A malformed time is not an error, because nothing depends on it. */
function seconds(block: Buffer): number | undefined {
  const digits = text(block, 136, 12).trim();
  return /^[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : undefined;
}

/** Octal digits, or GNU's base 256 when the first bit is set. */
function number(field: Buffer): number {
  if ((field[0]! & 0x80) !== 0) {
    if (field[0] !== 0x80) throw new TarError("a tar header holds a negative or impossible number");
    let value = 0;
    for (const byte of field.subarray(1)) value = value * 256 + byte;
    if (!Number.isSafeInteger(value)) throw new TarError("a tar header holds an impossible number");
    return value;
  }
  const digits = text(field, 0, field.length).trim();
  if (!/^[0-7]*$/.test(digits)) throw new TarError("a tar header holds a number that is not octal");
  return digits === "" ? 0 : Number.parseInt(digits, 8);
}
