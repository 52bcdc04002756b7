/**
 * Concatenates pieces of a sort key. A piece is a byte string whose `Buffer.compare` order is the order of the encoded
 * values. Every piece is self-delimiting (none is a prefix of another), so that concatenated pieces compare field by
 * field.
 */
export function concatKeys(...pieces: readonly Uint8Array[]): Buffer {
  return Buffer.concat(pieces);
}

/** One byte: the rank of an alternative, alone or before the alternative's own piece. */
export function rankKey(rank: number): Uint8Array {
  if (!Number.isInteger(rank) || rank < 0 || rank > 255) throw new RangeError(`not a rank: ${rank}`);
  return Uint8Array.of(rank);
}

/**
 * A whole number by value, from decimal digits of any length: real versions have parts of 40 digits. Encoded as the
 * count of significant digits and these digits. Leading zeros do not count.
 */
export function numberKey(digits: string | number | bigint): Uint8Array {
  const text = String(digits);
  if (!/^[0-9]+$/.test(text)) throw new RangeError(`not a whole number: ${text}`);
  const significant = text.replace(/^0+/, "");
  const count = Buffer.alloc(significant.length < 255 ? 1 : 5, 255);
  if (count.length === 1) count.writeUInt8(significant.length);
  else count.writeUInt32BE(significant.length, 1);
  return Buffer.concat([count, Buffer.from(significant, "latin1")]);
}

/** Text by its UTF-8 bytes; a prefix sorts before the longer text. */
export function textKey(text: string): Uint8Array {
  // The terminator is 00 00. A zero byte in the text becomes 00 FF, which sorts after the terminator and before 01.
  const bytes = [...Buffer.from(text, "utf8")].flatMap((byte) => (byte === 0 ? [0, 255] : [byte]));
  return Uint8Array.from([...bytes, 0, 0]);
}

/** A list item by item; a prefix sorts before the longer list. */
export function listKey(items: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat([...items.flatMap((item) => [rankKey(1), item]), rankKey(0)]);
}

/** The `compare` of a scheme from its `sortKey`, so that the two always agree. */
export function compareBy(sortKey: (text: string) => Buffer): (a: string, b: string) => number {
  return (a, b) => Buffer.compare(sortKey(a), sortKey(b));
}
