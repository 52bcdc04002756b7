import { createHash } from "node:crypto";
import { Transform, type Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { FeedctlError } from "../../errors.ts";
import type { Io } from "./io.ts";
import { outputError } from "./output-error.ts";

export interface Download {
  file: { size: number; sha256: string };
  /** For messages. */
  fileName: string;
  body: Readable;
}

/** Writes a download to stdout. Rejects with `corrupt` at its end when the bytes do not match the catalog. */
export async function writeDownload(io: Io, { file, fileName, body }: Download): Promise<void> {
  const hash = createHash("sha256");
  let count = 0;
  const check = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      count += chunk.length;
      done(null, chunk);
    },
    flush(done) {
      const good = count === file.size && hash.digest("hex") === file.sha256;
      done(good ? null : damaged(fileName));
    },
  });
  await pipeline(body, check, io.stdout, { end: false, signal: io.signal }).catch((error: unknown) => {
    throw outputError(error);
  });
}

function damaged(name: string): FeedctlError {
  return new FeedctlError("corrupt", `${name} is damaged in the store`, { hint: "see: feedctl verify --read" });
}
