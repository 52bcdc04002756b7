import { listVersionFiles } from "../../catalog/files.ts";
import type { Db } from "../../catalog/schema/core.ts";
import type { Format } from "../../formats/format.ts";
import { versionName } from "../packages/identity-name.ts";
import { isInFeed, packageOutcome, type PackageOutcome } from "./outcome.ts";
import type { PreparedPackage } from "./prepare-package.ts";

/** What becomes of files that belong to a version without making one: symbols, provenance files. */
export interface Companions {
  /** Whether a file belongs to another one of its version. */
  has(item: PreparedPackage): boolean;
  /** Learns the outcome of a package, on which its companions depend. */
  note(outcome: PackageOutcome): void;
  /** Splits companions. `ready`: their package is in the feed. Those whose package may still come are held. */
  sort(items: readonly PreparedPackage[]): Promise<{ ready: PreparedPackage[]; answered: PackageOutcome[] }>;
  /** As `sort`, for those that were held. No other package comes. */
  rest(): Promise<{ ready: PreparedPackage[]; answered: PackageOutcome[] }>;
}

export function createCompanions(
  db: Db,
  { feedId, format, dryRun }: { feedId: number; format: Format; dryRun: boolean },
): Companions {
  const isCompanion = (qualifier: string) => format.isCompanion?.(qualifier) === true;
  /** The versions whose package was refused in this run. */
  const refused = new Map<string, "conflict" | "failed">();
  /** In a dry run: the versions whose package would be imported. */
  const expected = new Set<string>();
  let held: PreparedPackage[] = [];

  async function sort(items: readonly PreparedPackage[], isLast: boolean) {
    const ready: PreparedPackage[] = [];
    const answered: PackageOutcome[] = [];
    if (items.length === 0) return { ready, answered };
    const files = await listVersionFiles(
      db,
      feedId,
      items.map(({ identity }) => identity),
    );
    for (const item of items) {
      const name = versionName(item.identity);
      const why = refused.get(name);
      const qualifiers = files.get(name) ?? [];
      const isThere = qualifiers.some((each) => !isCompanion(each) || each === item.identity.qualifier);
      if (why !== undefined)
        answered.push(packageOutcome(item, why, "the package that it belongs to was not imported"));
      else if (isThere || expected.has(name)) ready.push(item);
      else if (isLast)
        answered.push(packageOutcome(item, "failed", "the feed does not have the package that it belongs to"));
      // the version has the metadata of its package
      else held.push({ ...item, identity: { ...item.identity, metadata: {} } });
    }
    return { ready, answered };
  }

  return {
    has: ({ identity }) => isCompanion(identity.qualifier),
    note({ item, result }) {
      if (format.isCompanion === undefined || isCompanion(item.identity.qualifier)) return;
      const name = versionName(item.identity);
      if (isInFeed(result)) {
        refused.delete(name);
        if (dryRun) expected.add(name);
      } else if (!expected.has(name)) refused.set(name, result.status === "conflict" ? "conflict" : "failed");
    },
    sort: (items) => sort(items, false),
    rest() {
      const items = held;
      held = [];
      return sort(items, true);
    },
  };
}
