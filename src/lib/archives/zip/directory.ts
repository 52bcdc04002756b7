/** The archive is malformed or incomplete. The message is one line. */
export class ZipError extends Error {
  override readonly name = "ZipError";
}

/** An entry as the directory at the end of the archive describes it. None of it can be trusted. */
export interface ZipMember {
  name: string;
  /** Where its local header begins in the file. */
  offset: number;
  /** Bytes of its content in the file. */
  packed: number;
  /** Bytes of its unpacked content. */
  size: number;
  crc: number;
  /** 0: stored. 8: deflated. */
  method: number;
  encrypted: boolean;
}

/** Reads bytes of the archive. Returns fewer than `length` only at its end. */
export type ReadAt = (offset: number, length: number) => Promise<Buffer>;

/** The signature of a local header. */
export const LOCAL = 0x04034b50;
export const LOCAL_LENGTH = 30;

const MEMBER = 0x02014b50;
const MEMBER_LENGTH = 46;
const END = 0x06054b50;
const END_LENGTH = 22;
const LOCATOR = 0x07064b50;
const LOCATOR_LENGTH = 20;
const END64 = 0x06064b50;
const END64_LENGTH = 56;
const LONGEST_COMMENT = 0xffff;

interface End {
  /** Where the directory begins, as stated. */
  start: number;
  length: number;
  count: number;
  /** Where the end record, or the zip64 end record, begins in the file: the directory must end there. */
  at: number;
}

/**
 * The members of a zip archive of `size` bytes, by their position. Reads only the directory; throws `ZipError` unless it
 * is complete and all members are in the file, and when they overlap. Bytes before the archive (the start script of an
 * executable jar) are allowed, names are not judged, and a member that the directory lists twice is one. Throws
 * `tooLong()` for a directory of more than `most` bytes.
 */
export async function readZipDirectory(
  read: ReadAt,
  size: number,
  { most, tooLong }: { most: number; tooLong: () => Error },
): Promise<ZipMember[]> {
  const end = await findEnd(read, size);
  if (end.length > most) throw tooLong();
  const start = await findStart(read, end);
  const members = parseMembers(await read(start, end.length), end.count);
  // an archive that was appended to a script may count from the end of the script
  for (const member of members) member.offset += start - end.start;
  return inOrder(members, start);
}

/**
 * The position of the directory. Other data, such as a program that unpacks the archive, may precede the archive; the
 * directory then lies that much further on than the end record says.
 */
async function findStart(read: ReadAt, { start, length, at }: End): Promise<number> {
  for (const place of [start, at - length]) {
    if (place < start || place + length > at) continue;
    if (length === 0 || (await read(place, 4)).readUInt32LE(0) === MEMBER) return place;
  }
  throw new ZipError("the directory of the zip archive is not where its end says");
}

async function findEnd(read: ReadAt, size: number): Promise<End> {
  const tailStart = Math.max(0, size - END_LENGTH - LONGEST_COMMENT);
  const tail = await read(tailStart, size - tailStart);
  for (let at = tail.length - END_LENGTH; at >= 0; at--) {
    if (tail.readUInt32LE(at) !== END || at + END_LENGTH + tail.readUInt16LE(at + 20) !== tail.length) continue;
    const end = {
      start: tail.readUInt32LE(at + 16),
      length: tail.readUInt32LE(at + 12),
      count: tail.readUInt16LE(at + 10),
      at: tailStart + at,
    };
    return (await findEnd64(read, end)) ?? end;
  }
  throw new ZipError("the zip archive has no directory at its end: it is cut off, or something follows it");
}

/** The record of larger numbers. Undefined when the archive has none. */
async function findEnd64(read: ReadAt, { at, start, length, count }: End): Promise<End | undefined> {
  if (at < LOCATOR_LENGTH) return undefined;
  const locator = await read(at - LOCATOR_LENGTH, LOCATOR_LENGTH);
  if (locator.readUInt32LE(0) !== LOCATOR) return undefined;
  // its stated position does not count a script before the archive, so the record is looked for before the locator too
  for (const place of [Number(locator.readBigUInt64LE(8)), at - LOCATOR_LENGTH - END64_LENGTH]) {
    if (place < 0 || place + END64_LENGTH > at - LOCATOR_LENGTH) continue;
    const record = await read(place, END64_LENGTH);
    if (record.readUInt32LE(0) !== END64) continue;
    return {
      start: Number(record.readBigUInt64LE(48)),
      length: Number(record.readBigUInt64LE(40)),
      count: Number(record.readBigUInt64LE(32)),
      at: place,
    };
  }
  if (start !== 0xffffffff && length !== 0xffffffff && count !== 0xffff) return undefined;
  throw new ZipError("the zip archive lacks the record of its large directory");
}

function parseMembers(bytes: Buffer, count: number): ZipMember[] {
  const members: ZipMember[] = [];
  let at = 0;
  while (at + MEMBER_LENGTH <= bytes.length && bytes.readUInt32LE(at) === MEMBER) {
    const [nameLength, extraLength, commentLength] = [28, 30, 32].map((field) => bytes.readUInt16LE(at + field)) as [
      number,
      number,
      number,
    ];
    const next = at + MEMBER_LENGTH + nameLength + extraLength + commentLength;
    if (next > bytes.length) throw new ZipError("the directory of the zip archive ends early");
    members.push(parseMember(bytes.subarray(at, next), nameLength, extraLength));
    at = next;
  }
  // a count of two bytes says nothing about the higher ones, and some writers leave them out
  if (members.length % 0x10000 !== count % 0x10000)
    throw new ZipError(`the zip archive lists ${members.length} entries, but says that it has ${count}`);
  return members;
}

function parseMember(bytes: Buffer, nameLength: number, extraLength: number): ZipMember {
  const nameEnd = MEMBER_LENGTH + nameLength;
  const member: ZipMember = {
    name: bytes.toString("utf8", MEMBER_LENGTH, nameEnd),
    offset: bytes.readUInt32LE(42),
    packed: bytes.readUInt32LE(20),
    size: bytes.readUInt32LE(24),
    crc: bytes.readUInt32LE(16),
    method: bytes.readUInt16LE(10),
    encrypted: (bytes.readUInt16LE(8) & 1) === 1,
  };
  addLargeNumbers(member, bytes.subarray(nameEnd, nameEnd + extraLength));
  return member;
}

/** Extra field 1 has the numbers that do not fit into four bytes, in this order. */
function addLargeNumbers(member: ZipMember, extra: Buffer): void {
  const large = (["size", "packed", "offset"] as const).filter((field) => member[field] === 0xffffffff);
  for (let at = 0; at + 4 <= extra.length; at += 4 + extra.readUInt16LE(at + 2)) {
    if (extra.readUInt16LE(at) !== 1) continue;
    for (const [index, field] of large.entries()) {
      if (at + 4 + 8 * (index + 1) > extra.length) throw new ZipError(`the sizes of "${member.name}" are incomplete`);
      member[field] = Number(extra.readBigUInt64LE(at + 4 + 8 * index));
    }
    return;
  }
}

function inOrder(members: ZipMember[], end: number): ZipMember[] {
  const sorted = members.toSorted((a, b) => a.offset - b.offset);
  const single = sorted.filter(({ offset, packed }, at) => {
    const before = sorted[at - 1];
    return before?.offset !== offset || before.packed !== packed;
  });
  for (const [at, { name, offset, packed }] of single.entries()) {
    const next = single[at + 1]?.offset ?? end;
    if (offset + LOCAL_LENGTH + packed > next)
      throw new ZipError(
        next === end ? `the zip archive has no room for "${name}"` : `"${name}" overlaps another entry`,
      );
  }
  return single;
}
