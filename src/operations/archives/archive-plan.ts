import { createHash } from "node:crypto";
import type { Archive, ArchiveEntry } from "../../formats/containers/open-archive.ts";
import { beyondRatio } from "../../formats/read-package.ts";
import { detectType, HEAD } from "../../lib/detect-type.ts";
import type { Hashes } from "../../lib/bytes/hash.ts";
import { createHead } from "../../lib/bytes/collect-head.ts";
import { FeedctlError } from "../../errors.ts";
import type { Spool } from "../../lib/lists/spool.ts";
import { inside } from "../assets/paths.ts";
import type { NameProblem, NewName } from "../assets/check-names.ts";

/** A file entry of an archive, as the planning pass read it. */
export interface PlannedFile {
  /** Index among all entries of the archive, from 0. */
  index: number;
  path: string;
  size: number;
  hashes: Hashes;
  /** Media type. */
  type: string;
  /** ISO time; undefined when the archive has none. */
  modified?: string | undefined;
}

export interface ArchiveNames {
  names: NewName[];
  problems: NameProblem[];
}

export interface ArchiveReading {
  /** The folder that the archive is expanded into. */
  to: string;
  /** Selects entries by their path in the archive. Default: all. */
  isSelected?: ((path: string) => boolean) | undefined;
  /** The most bytes of all files. */
  bytes: number;
  /** The most bytes as a multiple of the archive's size, once there are more than `ratioFrom`. */
  ratio: number;
  ratioFrom: number;
  size: number;
}

/** The asset path of an entry, or why it is refused. Undefined: the entry is ignored, such as `./`. */
function placeEntry(
  entry: ArchiveEntry,
  { to, isSelected }: ArchiveReading,
): { path: string } | { problem: string } | undefined {
  const { name, kind, locked } = entry;
  const bare = name.replace(/^(\.\/+)+/, "").replace(/\/+$/, "");
  if (isSelected?.(bare) === false) return undefined;
  if (kind === "link") return { problem: "is a link" };
  if (kind === "other") return { problem: "is neither a file nor a folder" };
  if (locked !== undefined) return { problem: locked };
  if (entry.foreignName) return { problem: "has a name in an unknown encoding; give it with --name-encoding" };
  if (name.startsWith("/")) return { problem: "is an absolute path" };
  if (/^[A-Za-z]:/.test(name)) return { problem: "starts with a drive letter" };
  if (name.includes("\\")) return { problem: "contains a backslash" };
  if (bare === "" || bare === ".") return kind === "folder" ? undefined : { problem: "has no name" };
  const segments = bare.split("/");
  if (segments.includes("..")) return { problem: "points outside the archive" };
  for (const segment of segments) {
    if (DEVICE.test(segment)) return { problem: `contains "${segment}", a device name on Windows` };
    if (/[. ]$/.test(segment)) return { problem: `contains "${segment}": Windows drops the dot or space at its end` };
  }
  return { path: inside(to, bare) };
}

const DEVICE = /^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)\s*(\.|$)/i;

const hint = "if you trust the archive, raise the limit: --max-size 50G";

/**
 * Maps all entries to asset paths in one pass. With `files` the same pass hashes every file, until the first problem,
 * and adds it there: a hundred thousand need 50 MB.
 * Throws `invalid` when the files exceed `reading`: archives may be decompression bombs.
 */
export async function planArchive(
  archive: Archive,
  reading: ArchiveReading,
  files: Pick<Spool<PlannedFile>, "add"> | undefined,
): Promise<ArchiveNames> {
  const plan: ArchiveNames = { names: [], problems: [] };
  let index = -1;
  let total = 0;
  for await (const entry of archive.entries()) {
    index++;
    const place = placeEntry(entry, reading);
    if (place === undefined) continue;
    const folder = entry.kind === "folder";
    if ("problem" in place) {
      const reason = `its entry ${place.problem}`;
      plan.problems.push({ path: entry.name, from: entry.name, folder, status: "invalid", reason });
      continue;
    }
    plan.names.push({ path: place.path, folder, from: entry.name });
    if (folder || files === undefined || plan.problems.length > 0) continue;
    const { size, hashes, head } = await hashChunks(counted(entry.chunks()));
    const type = await detectType(place.path, { head, size });
    const modified = entry.modified?.toISOString();
    await files.add({ index, path: place.path, size, hashes, type, modified });
  }
  return plan;

  async function* counted(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of chunks) {
      total += chunk.length;
      if (total > reading.bytes)
        throw new FeedctlError("invalid", `the archive unpacks to more than ${reading.bytes} bytes`, { hint });
      if (total > reading.ratioFrom && total > reading.ratio * reading.size) {
        const { code, message } = beyondRatio(reading.ratio);
        throw new FeedctlError(code, message, { hint });
      }
      yield chunk;
    }
  }
}

async function hashChunks(
  chunks: AsyncIterable<Uint8Array>,
): Promise<{ size: number; hashes: Hashes; head: Uint8Array }> {
  const all = (["md5", "sha1", "sha256", "sha512"] as const).map((name) => createHash(name));
  const head = createHead(HEAD);
  let size = 0;
  for await (const chunk of chunks) {
    size += chunk.length;
    head.add(chunk);
    for (const hash of all) hash.update(chunk);
  }
  const [md5 = "", sha1 = "", sha256 = "", sha512 = ""] = all.map((hash) => hash.digest("hex"));
  return { size, hashes: { md5, sha1, sha256, sha512 }, head: head.bytes() };
}
