/** Runs tasks in the background, at most `limit` at once. */
export interface Pool {
  /** Waits for a free slot, then starts the task. Throws the first error of the earlier tasks. */
  add(task: () => Promise<void>): Promise<void>;
  /** Waits for all tasks. Throws their first error. */
  idle(): Promise<void>;
  readonly running: number;
}

export function createPool(limit: number): Pool {
  let running = 0;
  let failed = false;
  let failure: unknown;
  let wake: (() => void)[] = [];

  const settled = () => {
    running--;
    const waiting = wake;
    wake = [];
    for (const each of waiting) each();
  };
  const change = () => new Promise<void>((resolve) => wake.push(resolve));

  return {
    get running() {
      return running;
    },
    async add(task) {
      while (running >= limit && !failed) await change();
      if (failed) throw failure;
      running++;
      task().then(settled, (error: unknown) => {
        if (!failed) failure = error;
        failed = true;
        settled();
      });
    },
    async idle() {
      while (running > 0) await change();
      if (failed) throw failure;
    },
  };
}
