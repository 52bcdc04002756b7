const BLOCK = 512;

export interface TarItem {
  /** A folder's name ends in a slash. */
  name: string;
  modified: Date;
  size: number;
  /** Exactly `size` bytes; undefined: a folder. */
  bytes: AsyncIterable<Uint8Array> | undefined;
}

/**
 * Writes a tar archive (POSIX ustar, with pax headers for values that do not fit). Owners and modes are constant, so
 * that the same items give the same bytes.
 */
export async function* writeTar(items: AsyncIterable<TarItem>): AsyncGenerator<Uint8Array, void> {
  for await (const item of items) {
    const pax = paxOf(item);
    if (pax.length > 0) {
      yield header({ name: "PaxHeader", size: pax.length, modified: item.modified, flag: "x" });
      yield padded(pax);
    }
    yield header({ ...item, flag: item.bytes === undefined ? "5" : "0" });
    let count = 0;
    for await (const chunk of item.bytes ?? []) {
      count += chunk.length;
      if (count > item.size) break;
      yield chunk;
    }
    if (count !== item.size) throw new RangeError(`"${item.name}" did not deliver its ${item.size} bytes`);
    if (count % BLOCK > 0) yield new Uint8Array(BLOCK - (count % BLOCK));
  }
  yield new Uint8Array(2 * BLOCK);
}

/** The largest size that fits into a ustar header: 11 octal digits. */
const MOST_OCTAL = 0o77777777777;

function paxOf({ name, size }: TarItem): Buffer {
  const records: Buffer[] = [];
  // The ustar field has no defined encoding, so it only gets printable ASCII.
  if (Buffer.byteLength(name) > 100 || /[^ -~]/.test(name)) records.push(record("path", name));
  if (size > MOST_OCTAL) records.push(record("size", String(size)));
  return Buffer.concat(records);
}

/** `LENGTH key=value\n`, where the length counts itself. */
function record(key: string, value: string): Buffer {
  const rest = Buffer.from(` ${key}=${value}\n`);
  let length = rest.length + 1;
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
  return Buffer.concat([Buffer.from(String(length)), rest]);
}

function header(entry: { name: string; size: number; modified: Date; flag: string }): Buffer {
  const block = Buffer.alloc(BLOCK);
  const text = (value: string, at: number, length: number) => void Buffer.from(value).copy(block, at, 0, length);
  const octal = (value: number, at: number, length: number) =>
    text(`${value.toString(8).padStart(length - 1, "0")}\0`, at, length);
  text(entry.name, 0, 100);
  octal(entry.flag === "5" ? 0o755 : 0o644, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(Math.min(entry.size, MOST_OCTAL), 124, 12);
  octal(Math.max(0, Math.floor(entry.modified.getTime() / 1000)), 136, 12);
  text("        ", 148, 8);
  text(entry.flag, 156, 1);
  text("ustar\x0000", 257, 8);
  const sum = block.reduce((total, byte) => total + byte, 0);
  text(`${sum.toString(8).padStart(6, "0")}\0 `, 148, 8);
  return block;
}

function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((BLOCK - (bytes.length % BLOCK)) % BLOCK)]);
}
