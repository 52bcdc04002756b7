import type { Output } from "./output.ts";

/** How many successful items get a line of their own. */
const LINES = 200;

export interface ItemLines {
  /** Whether to print a line for an item: for every failure, and for the first successes, with `--verbose` for all. */
  wants(isGood: boolean): boolean;
  /** Prints how many successes had no line. */
  end(): void;
}

export function createItemLines(out: Output<never>): ItemLines {
  const { json, quiet, verbose } = out.options;
  let good = 0;
  return {
    wants: (isGood) => !isGood || (!quiet && (++good <= LINES || verbose)),
    end() {
      if (!json && !quiet && !verbose && good > LINES) out.note(`(and ${good - LINES} more; --verbose lists them all)`);
    },
  };
}
