import { createWriteStream } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { FeedctlError, isFeedctlError } from "../../errors.ts";
import { diskError } from "../../stores/disk/index.ts";
import { baseName, folderOf } from "./paths.ts";
import type { Context } from "../context.ts";
import type { LocalItem } from "../local-files/find-local-files.ts";

export interface GivenFiles extends AsyncDisposable {
  items: AsyncIterable<LocalItem>;
  /** The folder they go to. */
  to: string;
}

/** Local files as they were given, perhaps under another name; standard input is kept in a temporary file until disposed. */
export async function localItems(
  context: Context,
  given: { items: AsyncIterable<LocalItem>; stdin: Readable | undefined; to: string; name: string | undefined },
): Promise<GivenFiles> {
  const { items, stdin, to, name } = given;
  if (stdin === undefined) {
    const none = async () => {};
    return { to, items: name === undefined ? items : renamed(items, name), [Symbol.asyncDispose]: none };
  }
  for await (const _ of items) throw new FeedctlError("usage", "- stands for one file, and there are others beside it");
  const path = name ?? baseName(to);
  if (path === "")
    throw new FeedctlError("usage", "what comes from standard input needs a name", {
      hint: "--to folder/file, or --to folder/ --name file",
    });
  const kept = await keepStream(context, stdin);
  return {
    to: name === undefined ? folderOf(to) : to,
    items: only({ kind: "file", local: kept.path, path }),
    [Symbol.asyncDispose]: kept[Symbol.asyncDispose],
  };
}

async function* only(item: LocalItem): AsyncGenerator<LocalItem> {
  yield item;
}

async function* renamed(items: AsyncIterable<LocalItem>, name: string): AsyncGenerator<LocalItem> {
  let count = 0;
  for await (const item of items) {
    if (item.kind === "folder" || ++count > 1)
      throw new FeedctlError("usage", "--name is for one file, and there are several");
    yield item.kind === "file" ? { ...item, path: name } : item;
  }
}

/** All of a stream as a file, until disposed: stores must know sizes, and read what they could not send again. */
export async function keepStream({ signal }: Context, stream: Readable): Promise<{ path: string } & AsyncDisposable> {
  if ((stream as { isTTY?: boolean }).isTTY)
    throw new FeedctlError("usage", "- stands for standard input, and that is a terminal", {
      hint: "pipe a file into it, or give a path instead",
    });
  const folder = await mkdtemp(join(tmpdir(), "feedctl-stdin-"));
  const dispose = () => rm(folder, { recursive: true, force: true });
  try {
    const path = join(folder, "standard-input");
    await pipeline(stream, createWriteStream(path, { mode: 0o600 }), { signal });
    return { path, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    const known = diskError(error, "keep standard input in", folder);
    if (!isFeedctlError(known, "full")) throw known;
    throw new FeedctlError("full", known.message, { cause: error, hint: "let TMPDIR name a folder with more space" });
  }
}
