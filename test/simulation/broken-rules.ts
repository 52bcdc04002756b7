import { readFileSync } from "node:fs";
import { registerHooks } from "node:module";
import { fileURLToPath } from "node:url";

/** A change of the source code that breaks one rule of the commit protocol. */
interface BrokenRule {
  /** Below `src/`. */
  file: string;
  find: string;
  replace: string;
  /** Whether more than some dozens of schedules are needed to find it. */
  rare?: boolean;
}

/** The simulation must find each of them within a thousand schedules. */
export const brokenRules: Readonly<Record<string, BrokenRule>> = {
  "a write is not announced": {
    file: "operations/commit/announce.ts",
    find: "announceWrites(transaction, { ...about, now: context.now() }, intents),",
    replace: "Promise.resolve([]),",
  },
  "an overwrite is announced without the row to follow": {
    file: "operations/import/announce-packages.ts",
    find: "return rows.has(item.key) ? { ...intent, replacement: newFile(item, null) } : intent;",
    replace: "return intent;",
  },
  "rows are committed before their blobs are stored": {
    file: "operations/import/commit-packages.ts",
    find: "const { stored, refused, withdrawn, fatal } = await putAll(context, store, matches.wanted);",
    replace: `const early = matches.wanted.map(({ item }) => ({ item, result: { outcome: "created" } as PutResult }));
      if (early.length > 0) await record(context, target, { stored: early, rows: since, withdrawn: [] });
      const { refused, withdrawn, fatal } = await putAll(context, store, matches.wanted);
      const stored: Stored[] = [];`,
  },
  "blobs are deleted before their rows": {
    file: "operations/packages/packages.ts",
    find: "// read again: files may have been added since the versions were listed",
    replace: "for (const { files } of versions) for (const { key } of files) await target.store.delete(key);",
  },
  "no pending delete is recorded": {
    file: "operations/commit/record-deleted.ts",
    find: "for (const store of await storesHolding(transaction, feed.id))",
    replace: "for (const store of [] as Awaited<ReturnType<typeof storesHolding>>)",
  },
  "the announcements of running processes are taken over": {
    file: "operations/commit/recorded-run.ts",
    find: "if (lock !== undefined) dead.push(id);",
    replace: "dead.push(id);",
    rare: true,
  },
  "an import does not lock the feed": {
    file: "operations/commit/feed-writer.ts",
    find: 'kind: "write",\n        id,',
    replace: 'kind: "run",\n        id: -run.id,',
    rare: true,
  },
  "pending deletes are carried out beside writers": {
    file: "operations/commit/settle.ts",
    find: 'kind: "write",\n    id: feed.id,',
    replace: 'kind: "run",\n    id: -run.id,',
    rare: true,
  },
  "a store is switched although files are not proven in it": {
    file: "operations/migrate/cut-over.ts",
    find: "if (unproven > 0)",
    replace: "if (unproven > 1000)",
    rare: true,
  },
  "a transaction does not prove its locks": {
    file: "operations/commit/commit.ts",
    find: "holders.flatMap(({ proofs }) => proofs),",
    replace: "[],",
    rare: true,
  },
};

/** Breaks a rule in the modules that are loaded from now on. Throws when the code does not have the text any more. */
export function breakRule(name: string): void {
  const rule = brokenRules[name];
  if (rule === undefined) throw new Error(`no such rule: ${name}`);
  const url = new URL(`../../src/${rule.file}`, import.meta.url).href;
  if (readFileSync(fileURLToPath(url), "utf8").split(rule.find).length !== 2)
    throw new Error(`src/${rule.file} does not have this text exactly once: ${rule.find}`);
  registerHooks({
    load(loaded, context, next) {
      const result = next(loaded, context);
      if (loaded !== url || result.source === undefined) return result;
      return {
        ...result,
        source: String(Buffer.from(result.source as Uint8Array)).replace(rule.find, () => rule.replace),
      };
    },
  });
}
