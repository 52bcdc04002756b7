import { Worker } from "node:worker_threads";

/** A worker thread that answers every message with one message, in order. */
export interface Thread<Message, Answer> {
  send(message: Message): void;
  /** The next answer. Rejects if the thread has ended. Call it again only after it has settled. */
  answer(): Promise<Answer>;
  end(): Promise<void>;
}

export interface ThreadOptions {
  /** The module that the thread runs. */
  module: URL;
  workerData?: unknown;
  /** Size of the young generation in MiB. Node's default of 48 would fill with garbage before it is collected. */
  young: number;
  /** The error of `answer` after the thread ended without an error of its own. */
  ended(): Error;
}

/** Starts a thread. It keeps the process alive only while an answer is awaited. */
export function startThread<Message, Answer>(options: ThreadOptions): Thread<Message, Answer> {
  const worker = new Worker(options.module, {
    workerData: options.workerData,
    execArgv: [],
    resourceLimits: { maxYoungGenerationSizeMb: options.young },
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
  worker.on("exit", () => die(options.ended()));

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
