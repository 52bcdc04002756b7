import { createWriteStream } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { FeedctlError } from "../../errors.ts";
import type { Context } from "../context.ts";

export interface GivenPaths extends AsyncDisposable {
  paths: string[];
}

/** A list of paths is text; every package begins with one of these: zip, gzip, bzip2, zstd, xz, ar, RPM, or a tar. */
const magics = ["504b", "1f8b", "425a68", "28b52ffd", "fd377a585a00", "213c617263683e", "edabeedb"];
const MOST_PATHS = 256 * 1024 * 1024;

/**
 * Puts what standard input holds in the place of `-`: one package, kept in a temporary file until disposed, or a list of
 * paths, one a line or with NUL characters between.
 */
export async function readStandardInput(
  { signal }: Context,
  stdin: Readable,
  paths: readonly string[],
): Promise<GivenPaths> {
  if (!paths.includes("-")) return { paths: [...paths], async [Symbol.asyncDispose]() {} };
  if ((stdin as { isTTY?: boolean }).isTTY)
    throw new FeedctlError("usage", "- stands for standard input, and that is a terminal", {
      hint: "pipe a package or a list of paths into it",
    });
  const chunks = (stdin as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
  let head = Buffer.alloc(0);
  while (head.length < 512) {
    signal.throwIfAborted();
    const { value, done } = await chunks.next();
    if (done) break;
    head = Buffer.concat([head, Buffer.from(value as Uint8Array)]);
  }
  const rest = async function* (): AsyncGenerator<Buffer> {
    yield head;
    for (let step = await chunks.next(); !step.done; step = await chunks.next()) yield Buffer.from(step.value);
  };
  if (head.length === 0) throw new FeedctlError("usage", "standard input is empty");
  if (!isPackage(head)) {
    const listed = await readPaths(rest());
    return {
      paths: paths.flatMap((path) => (path === "-" ? listed : [path])),
      async [Symbol.asyncDispose]() {},
    };
  }
  const folder = await mkdtemp(join(tmpdir(), "feedctl-stdin-"));
  const dispose = () => rm(folder, { recursive: true, force: true });
  try {
    const file = join(folder, "standard-input");
    await pipeline(rest(), createWriteStream(file, { mode: 0o600 }), { signal });
    return { paths: paths.map((path) => (path === "-" ? file : path)), [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

function isPackage(head: Buffer): boolean {
  const hex = head.toString("hex", 0, 8);
  return magics.some((magic) => hex.startsWith(magic)) || head.toString("latin1", 257, 262) === "ustar";
}

async function readPaths(chunks: AsyncIterable<Buffer>): Promise<string[]> {
  const all: Buffer[] = [];
  let size = 0;
  for await (const chunk of chunks) {
    size += chunk.length;
    if (size > MOST_PATHS)
      throw new FeedctlError("usage", "standard input is no package and too long for a list of paths");
    all.push(chunk);
  }
  const text = Buffer.concat(all).toString("utf8");
  const separator = text.includes("\0") ? "\0" : /\r?\n/;
  return text.split(separator).filter((path) => path !== "");
}
