import type { Readable } from "node:stream";
import { FeedctlError } from "../../errors.ts";
import type { Context } from "../context.ts";
import type { GivenPath } from "./find-package-files.ts";
import { keepStream, requirePiped } from "../local-files/keep-stream.ts";
import { limits } from "../../lib/limits.ts";

export interface GivenPaths extends AsyncDisposable {
  paths: GivenPath[];
}

/**
 * Packages start with one of these (zip, gzip, bzip2 with its first block, zstd, xz, ar, RPM) or are a tar archive. A list
 * of paths is text, and may begin with "PK" or "BZh".
 */
const MAGIC =
  /^(504b(0304|0506|0708)|1f8b|425a683[1-9](314159265359|177245385090)|28b52ffd|fd377a585a00|213c617263683e|edabeedb)/;
/** Bytes to read for the magic numbers: that of tar, the last one, ends at byte 262. */
const HEAD = 512;

/**
 * Replaces `-` in `paths` by standard input: a package, kept in a temporary file until disposed, or a list of paths,
 * separated by line ends or NUL characters.
 */
export async function readStandardInput(
  context: Context,
  stdin: Readable,
  paths: readonly string[],
): Promise<GivenPaths> {
  if (!paths.includes("-")) return given(paths);
  requirePiped(stdin, "pipe a package or a list of paths into it");
  const { head, all } = await readHead(context, stdin);
  if (head.length === 0) throw new FeedctlError("usage", "standard input is empty");
  if (!isPackage(head)) {
    const listed = await readPaths(all);
    // paths from a list, such as the output of `find`, are taken literally: [ and * are not wildcards in them
    const literal = listed.map((path) => ({ path, isLiteral: true }));
    return given(paths.flatMap((path): readonly GivenPath[] => (path === "-" ? literal : [path])));
  }
  const kept = await keepStream(context, all);
  return given(
    paths.map((path) => (path === "-" ? kept.path : path)),
    kept,
  );
}

function given(paths: readonly GivenPath[], kept?: AsyncDisposable): GivenPaths {
  return { paths: [...paths], [Symbol.asyncDispose]: async () => kept?.[Symbol.asyncDispose]() };
}

/** The first bytes, to detect a package, and an iterator over all bytes, those included. */
async function readHead({ signal }: Context, stdin: Readable): Promise<{ head: Buffer; all: AsyncGenerator<Buffer> }> {
  const chunks = (stdin as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
  let head = Buffer.alloc(0);
  while (head.length < HEAD) {
    signal.throwIfAborted();
    const { value, done } = await chunks.next();
    if (done) break;
    head = Buffer.concat([head, Buffer.from(value as Uint8Array)]);
  }
  const all = async function* (): AsyncGenerator<Buffer> {
    yield head;
    for (let step = await chunks.next(); !step.done; step = await chunks.next()) yield Buffer.from(step.value);
  };
  return { head, all: all() };
}

function isPackage(head: Buffer): boolean {
  return MAGIC.test(head.toString("hex", 0, 10)) || head.toString("latin1", 257, 262) === "ustar";
}

async function readPaths(chunks: AsyncIterable<Buffer>): Promise<string[]> {
  const all: Buffer[] = [];
  let size = 0;
  for await (const chunk of chunks) {
    size += chunk.length;
    if (size > limits.inputPaths)
      throw new FeedctlError("usage", "standard input is not a package, and too long for a list of paths");
    all.push(chunk);
  }
  // programs of Windows begin a text with a byte order mark
  const text = Buffer.concat(all)
    .toString("utf8")
    .replace(/^\ufeff/, "");
  const separator = text.includes("\0") ? "\0" : /\r?\n/;
  return text.split(separator).filter((path) => path !== "");
}
