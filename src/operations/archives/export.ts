import { createHash } from "node:crypto";
import { createGzip } from "node:zlib";
import { pipeline, Readable } from "node:stream";
import type { AssetRow } from "../../catalog/assets/assets.ts";
import { FeedctlError } from "../../errors.ts";
import { writeTar } from "../../lib/archives/tar/write.ts";
import type { Store } from "../../stores/store.ts";
import { parseFolder } from "../assets/paths.ts";
import type { Context } from "../context.ts";
import { openFeedStore } from "../feed-store/open-feed-store.ts";
import { findItem, noItem, requireDirectory } from "../assets/require-asset.ts";
import { entriesBelow, type AssetEntry } from "../assets/list.ts";

export type ExportFormat = "zip" | "tgz";

/** A folder that is streamed as an archive. */
export interface Export extends AsyncDisposable {
  /** File name of the archive, without its extension. */
  name: string;
  /** Fails with `corrupt` when a blob does not match its row: the bytes so far are then useless. */
  bytes: Readable;
  /** Files written so far, and their total size. */
  readonly files: number;
  readonly size: number;
}

export interface ExportInput {
  directory: string;
  folder: string;
  format: ExportFormat;
  onFile?: ((size: number) => void) | undefined;
}

/**
 * Files up to this size are read ahead in parallel and kept in memory. Larger ones are opened when their turn comes.
 */
const AHEAD = 1024 * 1024;

/**
 * Exports a folder with its contents as an archive. Entries are sorted by path and carry the catalog's times, so that
 * the same folder always gives the same bytes.
 */
export async function exportAssets(context: Context, input: ExportInput): Promise<Export> {
  const { db } = await context.catalog();
  const feed = await requireDirectory(db, input.directory);
  const folder = parseFolder(input.folder);
  const found = await findItem(db, feed.id, folder);
  if (found === undefined) throw noItem(feed, folder);
  if ("file" in found) throw new FeedctlError("usage", `${folder} is a file: only folders can be exported`);
  const store = await openFeedStore(context, db, feed);
  let files = 0;
  let size = 0;
  const skip = folder === "" ? 0 : folder.length + 1;

  async function* entries() {
    for await (const { entry, bytes } of readAhead(context, store, entriesBelow(db, feed.id, folder))) {
      const name = entry.path.slice(skip);
      if ("folder" in entry) {
        yield { name: `${name}/`, modified: entry.folder.created_at, size: 0, bytes: undefined };
        continue;
      }
      const { file } = entry;
      yield { name, modified: file.modifiedAt, size: file.size, bytes: proven(file, bytes()) };
      files++;
      size += file.size;
      input.onFile?.(file.size);
    }
  }

  return {
    name: folder === "" ? feed.name : folder.slice(folder.lastIndexOf("/") + 1),
    bytes: input.format === "zip" ? await zipOf(entries()) : gzipOf(Readable.from(writeTar(entries()))),
    get files() {
      return files;
    },
    get size() {
      return size;
    },
    [Symbol.asyncDispose]: async () => store[Symbol.asyncDispose](),
  };
}

async function zipOf(
  entries: Parameters<typeof import("../../formats/containers/zip.ts").writeZip>[0],
): Promise<Readable> {
  const { writeZip } = await import("../../formats/containers/zip.ts");
  return Readable.from(writeZip(entries), { objectMode: false });
}

/**
 * Sets the operating system in the gzip header (byte 9, RFC 1952) to unknown: the archive must be the same everywhere.
 */
function gzipOf(tar: Readable): Readable {
  const gzip = createGzip({ level: 6 });
  pipeline(tar, gzip, () => {}); // errors are thrown by the loop below
  async function* plain(): AsyncGenerator<Buffer> {
    let at = 0;
    for await (const chunk of gzip as AsyncIterable<Buffer>) {
      if (at <= 9 && at + chunk.length > 9) chunk[9 - at] = 255;
      at += chunk.length;
      yield chunk;
    }
  }
  return Readable.from(plain(), { objectMode: false });
}

/** Yields the chunks of `stream`; throws `corrupt` at the end when they are not the content of `file`. */
async function* proven(file: AssetRow, stream: Promise<AsyncIterable<Uint8Array>>): AsyncGenerator<Uint8Array> {
  const hash = createHash("sha256");
  let count = 0;
  for await (const chunk of await stream) {
    hash.update(chunk);
    count += chunk.length;
    if (count > file.size) break;
    yield chunk;
  }
  if (count !== file.size || hash.digest("hex") !== file.sha256)
    throw new FeedctlError("corrupt", `the content of ${file.key} does not match the catalog`, {
      hint: "see: feedctl verify --read",
    });
}

type Opened = { entry: AssetEntry; bytes: () => Promise<AsyncIterable<Uint8Array>> };

async function* readAhead(
  { concurrency, signal }: Context,
  store: Store,
  entries: AsyncIterable<AssetEntry>,
): AsyncGenerator<Opened> {
  const queue: Opened[] = [];
  for await (const entry of entries) {
    queue.push({ entry, bytes: open(entry) });
    if (queue.length > concurrency) yield queue.shift() as Opened;
  }
  yield* queue;

  function open(entry: AssetEntry): Opened["bytes"] {
    if ("folder" in entry) return async () => Readable.from([]);
    const get = async () => store.get(entry.file.key, { signal });
    if (entry.file.size > AHEAD) return get;
    const read = get().then(async (stream) => [Buffer.concat(await Array.fromAsync(stream as AsyncIterable<Buffer>))]);
    read.catch(() => {}); // the consumer awaits `read` and gets the error
    return async () => Readable.from(await read);
  }
}
