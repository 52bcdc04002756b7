import { after, before, describe, test } from "node:test";
import type { TestContext } from "node:test";
import { parseKey } from "../../../src/stores/key.ts";
import type { Key } from "../../../src/lib/key.ts";
import type { Store } from "../../../src/stores/store.ts";
import { copyCases } from "./copy.ts";
import { deleteCases } from "./delete.ts";
import { describeCases } from "./describe.ts";
import { getCases } from "./get.ts";
import { listCases } from "./list.ts";
import { keyCases } from "./keys.ts";
import { MIB, putCases } from "./put.ts";
import { readCases } from "./read.ts";
import { resumeCases } from "./resume.ts";
import { PATIENCE } from "../../support/wait.ts";

/** The arguments of a case. Each case has its own key prefix, so that cases do not see each other's blobs. */
export interface ContractContext {
  store: Store;
  /** A key below this case's own prefix. */
  key(name: string): Key;
  /** This case's own prefix; ends in a slash. */
  prefix: string;
  /** Bytes of the largest part in which the adapter sends large blobs. */
  part: number;
  /** Opens another, empty store. The suite closes it. */
  openEmpty(): Promise<Store>;
  t: TestContext;
}

export interface ContractCase {
  run(context: ContractContext): Promise<void>;
  /** The feature or ability that the case tests. The case is skipped, visibly, on a store without it. */
  needs?: "sortedList" | "atomicCreate" | "metadata" | "copyFrom" | "describe" | "read";
}

const cases = {
  ...keyCases,
  ...putCases,
  ...getCases,
  ...listCases,
  ...deleteCases,
  ...readCases,
  ...resumeCases,
  ...copyCases,
  ...describeCases,
};
export type ContractCaseName = keyof typeof cases;

export interface ContractOptions {
  /** Opens an empty store. Called at least twice. */
  open(): Promise<{ store: Store; cleanup(): Promise<void> }>;
  /** Cases that this store or its emulator cannot pass, with the reason, which the skip prints. */
  lacks?: Partial<Record<ContractCaseName, string>>;
  /** Bytes of a part of a large blob, where that is not 8 MiB. */
  part?: number;
}

/** Tests the whole contract of `Store`. Every adapter and every wrapper runs it. */
export function storeContract(name: string, { open, lacks = {}, part = 8 * MIB }: ContractOptions): void {
  describe(`${name}: store contract`, () => {
    const opened: { store: Store; cleanup(): Promise<void> }[] = [];
    const openEmpty = async (): Promise<Store> => {
      const one = await open();
      opened.push(one);
      return one.store;
    };
    let store: Store;
    before(async () => {
      store = await openEmpty();
    });
    after(async () => {
      for (const one of opened) {
        await one.store[Symbol.asyncDispose]();
        await one.cleanup();
      }
    });

    let count = 0;
    for (const [title, { run, needs }] of Object.entries<ContractCase>(cases)) {
      const reason = lacks[title as ContractCaseName];
      test(title, { timeout: PATIENCE, ...(reason !== undefined && { skip: reason }) }, async (t) => {
        if (needs !== undefined && !has(store, needs)) return t.skip(`the store does not claim ${needs}`);
        const prefix = `case-${++count}/`;
        await run({ store, prefix, key: (text) => parseKey(prefix + text), part, openEmpty, t });
      });
    }
  });
}

function has(store: Store, needed: NonNullable<ContractCase["needs"]>): boolean {
  if (needed === "copyFrom" || needed === "describe" || needed === "read") return store[needed] !== undefined;
  return store.features[needed];
}
