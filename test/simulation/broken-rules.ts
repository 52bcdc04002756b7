import { readFileSync } from "node:fs";
import { registerHooks } from "node:module";
import { fileURLToPath } from "node:url";

/** A change of the source code that can break one rule of the commit protocol. */
interface BrokenRule {
  /** Below `src/`. */
  file: string;
  find: string;
  /** In it, `BROKEN` says whether the rule is to be broken now. */
  replace: string;
  /** The seed of a schedule that has found it. A test run begins there, because a change of the code moves it a little. */
  from?: number;
}

/** The simulation must find each of them within a thousand schedules. */
export const brokenRules: Readonly<Record<string, BrokenRule>> = {
  "a write is not announced": {
    file: "operations/commit/announce.ts",
    find: "announceWrites(transaction, { ...about, now: context.now() }, intents),",
    replace: "BROKEN ? Promise.resolve([]) : announceWrites(transaction, { ...about, now: context.now() }, intents),",
  },
  "an overwrite is announced without the row to follow": {
    file: "operations/import/announce-packages.ts",
    find: "return rows.has(item.key) ? { ...intent, replacement: newFile(item, null) } : intent;",
    replace: "return rows.has(item.key) && !BROKEN ? { ...intent, replacement: newFile(item, null) } : intent;",
  },
  "rows are committed before their blobs are stored": {
    file: "operations/import/commit-packages.ts",
    find: "const { stored, refused, withdrawn, fatal } = await putAll(context, store, matches.wanted);",
    replace: `const putNow = async () => {
        if (!BROKEN) return putAll(context, store, matches.wanted);
        const early = matches.wanted.map(({ item }) => ({ item, result: { outcome: "created" } as PutResult }));
        if (early.length > 0) await record(context, target, { stored: early, rows: since, withdrawn: [] });
        return { ...(await putAll(context, store, matches.wanted)), stored: [] as Stored[] };
      };
      const { stored, refused, withdrawn, fatal } = await putNow();`,
  },
  "blobs are deleted before their rows": {
    file: "operations/packages/packages.ts",
    find: "// read again: files may have been added since the versions were listed",
    replace:
      "if (BROKEN) for (const { files } of versions) for (const { key } of files) await target.store.delete(key);",
  },
  "no pending delete is recorded": {
    file: "operations/commit/record-deleted.ts",
    find: "for (const store of await storesHolding(transaction, feed.id))",
    replace: "for (const store of BROKEN ? [] : await storesHolding(transaction, feed.id))",
  },
  "the announcements of running processes are taken over": {
    file: "operations/commit/recorded-run.ts",
    find: "if (lock !== undefined) dead.push(id);",
    replace: "if (BROKEN || lock !== undefined) dead.push(id);",
    from: 249,
  },
  "an import does not lock the feed": {
    file: "operations/commit/feed-writer.ts",
    find: 'kind: "write",\n        id,',
    replace: 'kind: BROKEN ? "run" : "write",\n        id: BROKEN ? -run.id : id,',
    from: 193,
  },
  "pending deletes are carried out beside writers": {
    file: "operations/commit/settle.ts",
    find: 'kind: "write",\n    id: feed.id,',
    replace: 'kind: BROKEN ? "run" : "write",\n    id: BROKEN ? -run.id : feed.id,',
    from: 193,
  },
  "a store is switched although files are not proven in it": {
    file: "operations/migrate/cut-over.ts",
    find: "if (unproven > 0)",
    replace: "if (unproven > 0 && !BROKEN)",
    from: 216,
  },
  "a transaction does not prove its locks": {
    file: "operations/commit/commit.ts",
    find: "holders.flatMap(({ proofs }) => proofs),",
    replace: "BROKEN ? [] : holders.flatMap(({ proofs }) => proofs),",
    from: 353,
  },
};

/** The rule that is broken now. A member of the global object, because changed modules read it. */
const shared = globalThis as { brokenRule?: string | undefined };

/**
 * Makes all rules breakable in the modules that are loaded from now on. Throws when the code does not have the text of
 * a rule any more.
 */
export function makeBreakable(): void {
  const changed = new Map<string, string>();
  for (const [name, { file, find, replace }] of Object.entries(brokenRules)) {
    const url = new URL(`../../src/${file}`, import.meta.url).href;
    const source = changed.get(url) ?? readFileSync(fileURLToPath(url), "utf8");
    if (source.split(find).length !== 2) throw new Error(`src/${file} does not have this text exactly once: ${find}`);
    const broken = `((globalThis as { brokenRule?: string }).brokenRule === ${JSON.stringify(name)})`;
    const text = replace.replaceAll("BROKEN", () => broken);
    changed.set(
      url,
      source.replace(find, () => text),
    );
  }
  registerHooks({
    load(url, context, next) {
      const result = next(url, context);
      const source = changed.get(url);
      return source === undefined ? result : { ...result, source };
    },
  });
}

/** Breaks this rule from now on, and no other. */
export function breakRule(name: string): void {
  if (!(name in brokenRules)) throw new Error(`no such rule: ${name}`);
  shared.brokenRule = name;
}
