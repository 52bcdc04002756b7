/** Waiting times between tries that fail: each is twice the one before. */
export interface Backoff {
  /** The next waiting time in milliseconds. */
  next(): number;
  /** Begins anew, after a try that succeeded. */
  reset(): void;
}

export function createBackoff(first: number, most: number): Backoff {
  let wait = Math.min(first, most);
  return {
    next() {
      const now = wait;
      wait = Math.min(2 * wait, most);
      return now;
    },
    reset() {
      wait = Math.min(first, most);
    },
  };
}
