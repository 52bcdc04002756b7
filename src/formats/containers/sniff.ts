import { open } from "node:fs/promises";
import type { PackageFile } from "../format.ts";
import { invalid } from "../read-package.ts";

const magics = [
  { container: "zip", title: "a zip archive", at: 0, bytes: "504b0304" },
  { container: "zip", title: "an empty zip archive", at: 0, bytes: "504b0506" },
  { container: "gzip", title: "gzip data", at: 0, bytes: "1f8b" },
  { container: "bzip2", title: "bzip2 data", at: 0, bytes: "425a68" },
  { container: "xz", title: "xz data", at: 0, bytes: "fd377a585a00" },
  { container: "zstd", title: "zstandard data", at: 0, bytes: "28b52ffd" },
  { container: "ar", title: "an ar archive", at: 0, bytes: "213c617263683e0a" },
  { container: "rpm", title: "an RPM package", at: 0, bytes: "edabeedb" },
  { container: "adb", title: "a version 3 Alpine package", at: 0, bytes: "4144422e" },
  { container: "7z", title: "a 7-Zip archive", at: 0, bytes: "377abcaf271c" },
  { container: "html", title: "a web page", at: 0, bytes: "3c21444f4354595045" },
  { container: "html", title: "a web page", at: 0, bytes: "3c21646f6374797065" },
  { container: "tar", title: "an uncompressed tar archive", at: 257, bytes: "7573746172" },
] as const;

export type Container = (typeof magics)[number]["container"];

/**
 * Rejects a file that does not begin like `expected`, and says what it is instead. Only a first check: the reader of
 * the container decides.
 */
export async function expectContainer(file: PackageFile, expected: Container): Promise<void> {
  const head = file.bytes?.subarray(0, 512) ?? (await readHead(file.path, 512));
  if (head.length === 0) throw invalid("the file is empty");
  const found = magicOf(head);
  if (found?.container === expected) return;
  const wanted = magics.find(({ container }) => container === expected)!.title;
  throw invalid(found === undefined ? `it is not ${wanted}` : `it is ${found.title}, not ${wanted}`);
}

/** What a file is by its content; undefined for others. */
export async function findContainer(file: PackageFile): Promise<Container | undefined> {
  return containerOf(file.bytes?.subarray(0, 512) ?? (await readHead(file.path, 512)));
}

/** What a file is by its first 512 bytes; undefined for others. */
export function containerOf(head: Buffer): Container | undefined {
  return magicOf(head)?.container;
}

function magicOf(head: Buffer) {
  return magics.find(({ at, bytes }) => head.toString("hex", at, at + bytes.length / 2) === bytes);
}

async function readHead(path: string, length: number): Promise<Buffer> {
  await using handle = await open(path, "r");
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, 0);
  return buffer.subarray(0, bytesRead);
}
