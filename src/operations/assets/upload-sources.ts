import { dirname } from "node:path";
import type { Readable } from "node:stream";
import { FeedctlError } from "../../errors.ts";
import { baseName, folderOf } from "./paths.ts";
import type { Context } from "../context.ts";
import type { LocalItem } from "../local-files/find-local-files.ts";
import { keepStream, requirePiped } from "../local-files/keep-stream.ts";

export interface GivenFiles extends AsyncDisposable {
  items: AsyncIterable<LocalItem>;
  /** The target folder. */
  to: string;
}

/**
 * The files to upload: `items`, a single one under `name` if given, or standard input. The latter is kept in a
 * temporary file until disposed. Throws `usage` for arguments that do not fit together.
 */
export async function localItems(
  context: Context,
  given: { items: AsyncIterable<LocalItem>; stdin: Readable | undefined; to: string; name: string | undefined },
): Promise<GivenFiles> {
  const { items, stdin, to, name } = given;
  if (stdin === undefined) {
    const none = async () => {};
    return { to, items: name === undefined ? items : renamed(items, name), [Symbol.asyncDispose]: none };
  }
  for await (const _ of items) throw new FeedctlError("usage", "- cannot be combined with other paths");
  const path = name ?? baseName(to);
  if (path === "")
    throw new FeedctlError("usage", "a file from standard input needs a name", {
      hint: "--to folder/file, or --to folder/ --name file",
    });
  requirePiped(stdin);
  const kept = await keepStream(context, stdin);
  return {
    to: name === undefined ? folderOf(to) : to,
    items: only({ kind: "file", local: kept.path, root: dirname(kept.path), path }),
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
      throw new FeedctlError("usage", "--name can be used with a single file only");
    yield item.kind === "file" ? { ...item, path: name } : item;
  }
}
