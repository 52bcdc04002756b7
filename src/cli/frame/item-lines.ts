import type { Output } from "./output.ts";

/** Of a hundred thousand files nobody reads each, where all is well. */
const LINES = 200;

export interface ItemLines {
  /** Whether an item is to have a line: every bad one has, of the good ones the first, or with `--verbose` all. */
  wants(isGood: boolean): boolean;
  /** Tells how many good ones had none. */
  end(): void;
}

export function createItemLines(out: Output<never>): ItemLines {
  const { json, quiet, verbose } = out.options;
  let good = 0;
  return {
    wants: (isGood) => !isGood || (!quiet && (++good <= LINES || verbose)),
    end() {
      if (!json && !quiet && !verbose && good > LINES) out.note(`(and ${good - LINES} more; --verbose tells them all)`);
    },
  };
}
