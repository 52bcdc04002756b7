import { createReadStream } from "node:fs";
import { open, rm, type FileHandle } from "node:fs/promises";
import { dirname } from "node:path";
import { makeFolders } from "../files/make-folders.ts";

/** A list of values in a temporary file, so that its length does not matter for memory. One writer, then readers. */
export interface Spool<T> extends AsyncDisposable {
  readonly count: number;
  add(value: T): Promise<void>;
  /** Yields the values from first to last. May be called several times. */
  read(): AsyncGenerator<T>;
}

const FLUSH = 64 * 1024;

/** The file is created by the first flush and removed on disposal. */
export function createSpool<T>(path: string): Spool<T> {
  let file: FileHandle | undefined;
  let buffer: string[] = [];
  let buffered = 0;
  let count = 0;

  // Flushes run one after the other: two at once would open the file twice.
  let flushing: Promise<void> = Promise.resolve();

  function flush(): Promise<void> {
    const earlier = flushing;
    flushing = (async () => {
      await earlier;
      if (buffer.length === 0) return;
      const text = buffer.join("");
      buffer = [];
      buffered = 0;
      if (file === undefined) {
        await makeFolders(dirname(path), { mode: 0o700 });
        file = await open(path, "w", 0o600);
      }
      await file.writeFile(text);
    })();
    return flushing;
  }

  return {
    get count() {
      return count;
    },
    async add(value) {
      const line = `${JSON.stringify(value)}\n`;
      buffer.push(line);
      buffered += line.length;
      count++;
      if (buffered >= FLUSH) await flush();
    },
    async *read() {
      await flush();
      if (file === undefined) return;
      // Not readline, which also splits at U+2028; JSON does not escape that.
      let rest = "";
      for await (const chunk of createReadStream(path, { encoding: "utf8", highWaterMark: FLUSH })) {
        const lines = (rest + String(chunk)).split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) yield JSON.parse(line) as T;
      }
    },
    async [Symbol.asyncDispose]() {
      if (file === undefined) return;
      await file.close();
      await rm(path, { force: true });
    },
  };
}
