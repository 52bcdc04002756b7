import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { Transform, type Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { FeedctlError } from "../../errors.ts";
import type { Io } from "./io.ts";
import { outputError } from "./output-error.ts";
import { saveWhole } from "./save-whole.ts";

export interface Download {
  file: { size: number; sha256: string };
  /** Name to save it under. */
  fileName: string;
  body: Readable;
}

/** Saves a download under its name, complete and verified or not at all. Undefined when it went to stdout. */
export async function saveStream(
  io: Io,
  download: Download,
  options: { output?: string | undefined; overwrite?: boolean | undefined },
): Promise<string | undefined> {
  const { size, sha256 } = download.file;
  const hash = createHash("sha256");
  let count = 0;
  const check = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      count += chunk.length;
      done(null, chunk);
    },
    flush(done) {
      const good = count === size && hash.digest("hex") === sha256;
      done(
        good
          ? null
          : new FeedctlError("corrupt", `${download.fileName} is damaged in the store`, {
              hint: "see: feedctl verify --read",
            }),
      );
    },
  });
  if (options.output === "-") {
    await pipeline(download.body, check, io.stdout, { end: false, signal: io.signal }).catch((error: unknown) => {
      throw outputError(error);
    });
    return undefined;
  }
  const target = await targetPath(resolve(io.cwd, options.output ?? "."), download.fileName);
  const checked = pipelineOf(download.body, check);
  return saveWhole(io, checked, target, options.overwrite === true);
}

/** The first stream through the second, as one whose end or error is that of either. */
function pipelineOf(body: Readable, check: Transform): Readable {
  body.on("error", (error) => check.destroy(error));
  check.on("close", () => body.destroy());
  return body.pipe(check);
}

async function targetPath(path: string, name: string): Promise<string> {
  const info = await stat(path).catch(() => undefined);
  return info?.isDirectory() ? join(path, name) : path;
}
