import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { pipeline } from "node:stream";
import { createGunzip } from "node:zlib";
import { createByteReader } from "../../lib/bytes/byte-reader.ts";
import { createPartChecker } from "../containers/part-check.ts";
import { GzipError, gunzipMember } from "../../lib/archives/gzip-member.ts";
import { decodeText } from "../manifests/decode-text.ts";
import type { PackageFile } from "../format.ts";
import { limits } from "../../lib/limits.ts";
import { openReader } from "../containers/open-reader.ts";
import { createOnlyManifest } from "../manifests/only-manifest.ts";
import { beyondLimit, invalid } from "../read-package.ts";
import { guessTarContents } from "../name-the-type.ts";
import { tarEntries } from "../containers/tar.ts";
import { tarEntriesOf } from "../containers/tar-bytes.ts";

export interface ApkControl {
  /** The text of its `.PKGINFO`. */
  text: string;
  /** Where the data member begins in the file. */
  dataStart: number;
  signed: boolean;
}

/**
 * Reads the control archive of an Alpine package of version 2. The file is a sequence of gzip members: signatures
 * (optional), the control archive, the data. Each is a tar archive; the first two may lack the end marker.
 */
export async function readApkControl(file: PackageFile, warnings: string[]): Promise<ApkControl> {
  await using reader = await openReader(file);
  const head = await reader.read(0, limits.alpineControl);
  let signed = false;
  for (let at = 0, member = 1; member <= MAX_MEMBERS; member++) {
    const { content, length } = nextMember(head.subarray(at), at + limits.alpineControl < reader.size);
    at += length;
    const manifest = await readMember(content);
    if (manifest !== "signature") return { text: decodeText(manifest, ".PKGINFO", warnings), dataStart: at, signed };
    if (at >= reader.size) throw invalid("it ends after its signature");
    signed = true;
  }
  throw invalid(`its first ${MAX_MEMBERS} gzip members are all signatures`);
}

/** A few signatures by different keys, then the control archive. */
const MAX_MEMBERS = 8;

function nextMember(bytes: Buffer, goesOn: boolean) {
  try {
    return gunzipMember(bytes, limits.alpineControl);
  } catch (error) {
    if (!(error instanceof GzipError)) throw error;
    if (goesOn && error.message === "ends early")
      throw beyondLimit("alpineControl", "its control archive has", { cause: error });
    if (error.message.startsWith("unpacks to more"))
      throw beyondLimit("alpineControl", "its control archive unpacks to", { cause: error });
    throw invalid(`its control archive ${error.message}`, error);
  }
}

async function readMember(content: Buffer): Promise<Buffer | "signature"> {
  const manifest = createOnlyManifest(".PKGINFO");
  let others = 0;
  let guess: string | undefined;
  let stray: string | undefined;
  for await (const entry of tarEntriesOf(content)) {
    guess ??= guessTarContents(entry.name);
    if (!entry.name.startsWith(".")) stray ??= entry.name;
    if (entry.name.startsWith(".SIGN.")) continue;
    others++;
    if (!isManifest(entry.name)) continue;
    if (entry.type !== "file") throw invalid(`its .PKGINFO is not a file but a ${entry.type}`);
    if (entry.name !== ".PKGINFO") throw invalid(`its .PKGINFO is called "${entry.name}"`);
    manifest.add(entry.name, await entry.read("manifest"));
  }
  if (manifest.found === undefined && others === 0 && content.length > 0) return "signature";
  if (manifest.found === undefined)
    throw invalid(`it has no .PKGINFO${guess === undefined ? "" : `; it looks like ${guess}`}`);
  // Data must be in a member of its own: its hash could not be checked otherwise.
  if (stray !== undefined) throw invalid(`"${stray}" does not belong in its control archive`);
  return manifest.found.bytes;
}

function isManifest(name: string): boolean {
  return name.replace(/^(?:\.\/+)+/, "").toLowerCase() === ".pkginfo";
}

/** Checks the hash of the data member, and rejects a second manifest in it. `expected`: its SHA-256 (hex), if known. */
export async function checkApkData(
  file: PackageFile,
  start: number,
  expected: string | undefined,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (start >= file.size) throw invalid("it ends after its control archive");
  if (expected !== undefined) {
    const hash = createHash("sha256");
    for await (const chunk of createReadStream(file.path, { start, signal, highWaterMark: 256 * 1024 }))
      hash.update(chunk as Buffer);
    if (hash.digest("hex") !== expected.toLowerCase()) throw invalid("its data does not match its datahash");
  } else await requireWhole(file, start, signal);
  // apk treats files that begin with a dot, up to the first other file, as part of the control archive.
  for await (const entry of tarEntries(gunzipBeginning(file, start, signal))) {
    if (isManifest(entry.name)) throw invalid("it has a second .PKGINFO in its data");
    if (!entry.name.replace(/^(?:\.\/+)+/, "").startsWith(".")) return;
  }
}

/** Unpacks the data member to its end: without a hash its own checksum is the only proof. */
async function requireWhole(file: PackageFile, start: number, signal: AbortSignal | undefined): Promise<void> {
  const reader = createByteReader(createReadStream(file.path, { start, signal }));
  await createPartChecker().check(reader, { packed: { name: "data", start, end: file.size, packing: "gzip" } });
  await reader.close();
}

/** Uncompressed bytes of hidden files at the beginning of the data. Few packages have any. */
const MAX_HIDDEN = 64 * 1024 * 1024;

async function* gunzipBeginning(file: PackageFile, start: number, signal: AbortSignal | undefined) {
  const gunzip = createGunzip();
  // Errors of either stream surface in the loop.
  pipeline(createReadStream(file.path, { start, signal }), gunzip, () => {});
  let total = 0;
  for await (const chunk of gunzip as AsyncIterable<Buffer>) {
    total += chunk.length;
    if (total > MAX_HIDDEN) throw invalid(`its data begin with more than ${MAX_HIDDEN} bytes of hidden files`);
    yield chunk;
  }
}
