import type { Key } from "../../lib/key.ts";
import { modeName, readMode, writeMode } from "../../stores/disk/index.ts";
import type { Store } from "../../stores/store.ts";
import { rootOf } from "./disk-only.ts";

/** The permission bits of files, between two disks. */
export interface Modes {
  /** The bits that a copy of the source's file gets. */
  of(key: Key): number | undefined;
  /** Whether the files of both sides have other bits, or cannot be asked. */
  differ(key: Key): boolean;
  /** Gives the target's file the source's bits. Undefined: it has them. `tag`: of the target's file afterwards. */
  update(key: Key): Promise<{ reason: string; tag: string | undefined } | undefined>;
}

export function createModes({ source, target, dryRun }: { source: Store; target: Store; dryRun: boolean }): Modes {
  const [from, to] = [rootOf(source), rootOf(target)];
  const both = (key: Key) => [readMode(`${from}/${key}`), readMode(`${to}/${key}`)] as const;
  return {
    of: (key) => readMode(`${from}/${key}`),
    differ(key) {
      try {
        const [wanted, found] = both(key);
        return wanted !== found;
      } catch {
        return true; // the error belongs to the file: `update` throws it again
      }
    },
    async update(key) {
      const [wanted, found] = both(key);
      if (wanted === undefined || found === undefined || wanted === found) return undefined;
      const reason = `mode ${modeName(found)} becomes ${modeName(wanted)}`;
      return { reason, tag: dryRun ? undefined : await writeMode(to, `${to}/${key}`, wanted) };
    },
  };
}
