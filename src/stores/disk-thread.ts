import { extname } from "node:path";
import { Worker } from "node:worker_threads";
import { FeedctlError } from "../errors.ts";
import type { DiskTask } from "./disk-worker.ts";

/** Its objects die young and few at a time; Node's own 48 MiB would only be filled with garbage. */
const YOUNG_MB = 6;

/** A thread that answers every message with one of its own, in order. */
export interface DiskThread<Message, Answer> {
  send(message: Message): void;
  /** The next answer. Rejects when the thread died; never hangs on a dead one. Call it again only after it settled. */
  answer(): Promise<Answer>;
  end(): Promise<void>;
}

/**
 * Starts a thread for the synchronous calls of one listing or of many small puts. It keeps the process alive only
 * while somebody waits for an answer.
 */
export function startDiskThread<Message, Answer>(task: DiskTask): DiskThread<Message, Answer> {
  // The compiler does not rewrite the extension inside a URL.
  const file = new URL(`./disk-worker${extname(import.meta.url)}`, import.meta.url);
  const worker = new Worker(file, {
    workerData: task,
    execArgv: [],
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
  });
  worker.unref();
  const answers: Answer[] = [];
  let waiting: PromiseWithResolvers<Answer> | undefined;
  let death: { error: unknown } | undefined;

  const die = (error: unknown) => {
    death ??= { error };
    waiting?.reject(death.error);
    waiting = undefined;
  };
  worker.on("message", (answer: Answer) => {
    if (waiting === undefined) return void answers.push(answer);
    waiting.resolve(answer);
    waiting = undefined;
    worker.unref();
  });
  worker.on("error", die);
  worker.on("exit", () => die(new FeedctlError("unavailable", "a thread that works on the disk ended too early")));

  return {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
    send: (message) => worker.postMessage(message),
    async answer() {
      const ready = answers.shift();
      if (ready !== undefined) return ready;
      if (death !== undefined) throw death.error as Error;
      waiting = Promise.withResolvers<Answer>();
      worker.ref();
      return waiting.promise;
    },
    end: async () => void (await worker.terminate()),
  };
}
