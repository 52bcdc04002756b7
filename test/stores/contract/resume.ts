import assert from "node:assert/strict";
import { FeedctlError } from "../../../src/errors.ts";
import type { Key } from "../../../src/lib/key.ts";
import type { PutOptions, Store, UploadNotes } from "../../../src/stores/store.ts";
import { readAll, sha256, someBytes, sourceOf } from "../../support/bytes.ts";
import type { ContractCase, ContractContext } from "./contract.ts";
import { hasCode, keysOf, MIB, putBytes } from "./put.ts";
import { sweepUnfinished } from "../../../src/stores/unfinished.ts";

/** A blob with a part before its last one, and no larger: these cases send and read it 40 times. */
function sizesOf({ part }: ContractContext): { large: number; late: number } {
  return { large: part + MIB + 3, late: part + MIB };
}

export interface MemoryNotes extends UploadNotes {
  readonly kept: Map<string, string>;
}

export function memoryNotes(): MemoryNotes {
  const kept = new Map<string, string>();
  return {
    kept,
    load: async (key) => kept.get(key),
    save: async (key, note) => void kept.set(key, note),
    drop: async (key) => void kept.delete(key),
  };
}

type Break = "the source fails" | "the user stops it";

/** Runs a put that fails or is stopped after `at` bytes. */
export async function breakPut(
  store: Store,
  key: Key,
  bytes: Buffer,
  options: Partial<PutOptions> & { at: number; how?: Break },
): Promise<void> {
  const { at, how = "the source fails", ...rest } = options;
  const controller = new AbortController();
  const stops = how === "the user stops it";
  const error = new FeedctlError("denied", "the source may not be read any further");
  const source = sourceOf(bytes, { fault: stops ? { at, reached: () => controller.abort() } : { at, error } });
  const whole = { ifExists: "fail", sha256: sha256(bytes), ...rest, signal: controller.signal } as const;
  await assert.rejects(store.put(key, source, whole), hasCode(stops ? "interrupted" : "denied"));
  await source.settled();
}

async function holds(store: Store, key: Key, bytes: Buffer): Promise<void> {
  assert.ok((await readAll(await store.get(key))).equals(bytes), "other bytes came back");
}

function brokenOff(how: Break): ContractCase {
  return {
    async run(context) {
      const { store, key, prefix, t } = context;
      const { large, late } = sizesOf(context);
      const notes = memoryNotes();
      const bytes = someBytes(large);
      await breakPut(store, key("x"), bytes, { notes, at: late, how });
      assert.equal(await store.head(key("x")), undefined);
      assert.deepEqual(await keysOf(store, prefix), []);
      if (notes.kept.size === 0) t.diagnostic("the store left no note");
      for (const note of notes.kept.values()) assert.ok(note.length < 4096, `the note has ${note.length} characters`);
      assert.equal(await putBytes(store, key("x"), bytes, { notes }), "created");
      assert.equal(notes.kept.size, 0, "the note of a finished put is dropped");
      await holds(store, key("x"), bytes);
      assert.deepEqual(await keysOf(store, prefix), [key("x")]);
    },
  };
}

export const resumeCases = {
  "a large put whose source failed is resumed": brokenOff("the source fails"),
  "a large put that was stopped is resumed": brokenOff("the user stops it"),
  "a put that was interrupted twice is resumed": {
    async run({ store, key }) {
      const notes = memoryNotes();
      const bytes = someBytes(17 * MIB + 3);
      for (const at of [10 * MIB, 17 * MIB]) await breakPut(store, key("x"), bytes, { notes, at });
      assert.equal(await putBytes(store, key("x"), bytes, { notes }), "created");
      await holds(store, key("x"), bytes);
      assert.equal(notes.kept.size, 0);
    },
  },
  "a put of other bytes of the same length does not resume the interrupted one": {
    async run(context) {
      const { store, key } = context;
      const { large, late } = sizesOf(context);
      const notes = memoryNotes();
      await breakPut(store, key("x"), someBytes(large, 1), { notes, at: late });
      assert.equal(await putBytes(store, key("x"), someBytes(large, 2), { notes }), "created");
      await holds(store, key("x"), someBytes(large, 2));
      assert.equal(notes.kept.size, 0);
    },
  },
  "a resumed blob has the content type and metadata of the last put": {
    needs: "metadata",
    async run(context) {
      const { store, key } = context;
      const { large, late } = sizesOf(context);
      const notes = memoryNotes();
      const bytes = someBytes(large);
      await breakPut(store, key("x"), bytes, { notes, at: late, contentType: "text/old", metadata: { a: "old" } });
      await putBytes(store, key("x"), bytes, { notes, contentType: "text/new", metadata: { b: "new" } });
      const blob = await store.head(key("x"));
      assert.deepEqual([blob?.contentType, blob?.metadata], ["text/new", { b: "new" }]);
      await holds(store, key("x"), bytes);
    },
  },
  "a malformed note, or one of an upload that does not exist, is ignored": {
    async run(context) {
      const { store, key, t } = context;
      const { large, late } = sizesOf(context);
      const notes = memoryNotes();
      const bytes = someBytes(large);
      await breakPut(store, key("probe"), bytes, { notes, at: late });
      if (notes.kept.size === 0) return t.skip("the store leaves no notes");
      notes.kept.clear();
      for (const note of ["", "{", "null", "[]", `{"uploadId":7}`, "\u0000"]) {
        notes.kept.set(key("x"), note);
        await putBytes(store, key("x"), bytes, { notes, ifExists: "replace" });
        await holds(store, key("x"), bytes);
        assert.equal(notes.kept.size, 0);
      }
      if (store.unfinished === undefined) return t.diagnostic("the store has no unfinished uploads");
      await breakPut(store, key("y"), bytes, { notes, at: late });
      await sweepUnfinished(store, new Date(Date.now() + 3_600_000));
      assert.equal(await putBytes(store, key("y"), bytes, { notes }), "created");
      await holds(store, key("y"), bytes);
      assert.equal(notes.kept.size, 0);
    },
  },
  "a blob created meanwhile is unchanged if it has the same bytes, else a conflict or replaced": {
    async run(context) {
      const { store, key } = context;
      const { large, late } = sizesOf(context);
      const notes = memoryNotes();
      const bytes = someBytes(large, 1);
      for (const name of ["same", "other", "replaced"]) {
        await breakPut(store, key(name), bytes, { notes, at: late });
        await putBytes(store, key(name), name === "same" ? bytes : someBytes(large, 2));
      }
      assert.equal(await putBytes(store, key("same"), bytes, { notes }), "unchanged");
      await assert.rejects(putBytes(store, key("other"), bytes, { notes }), hasCode("conflict"));
      assert.equal(await putBytes(store, key("replaced"), bytes, { notes, ifExists: "replace" }), "replaced");
      assert.equal(notes.kept.size, 0, "nothing is left to resume");
      await holds(store, key("other"), someBytes(large, 2));
      await holds(store, key("replaced"), bytes);
    },
  },
  "wrong bytes are corrupt, and are not resumed": {
    async run(context) {
      const { store, key, prefix } = context;
      const { large } = sizesOf(context);
      const notes = memoryNotes();
      const promised = { sha256: sha256(Buffer.from("other")), notes };
      for (let count = 0; count < 2; count++) {
        await assert.rejects(putBytes(store, key("x"), someBytes(large), promised), hasCode("corrupt"));
        assert.deepEqual(await keysOf(store, prefix), []);
      }
      assert.equal(await putBytes(store, key("x"), someBytes(large), { notes }), "created");
      await holds(store, key("x"), someBytes(large));
    },
  },
  "a small put with notes leaves none": {
    async run({ store, key }) {
      const notes = memoryNotes();
      await breakPut(store, key("x"), someBytes(3000), { notes, at: 1500 });
      assert.equal(await putBytes(store, key("x"), someBytes(3000), { notes }), "created");
      assert.equal(notes.kept.size, 0);
    },
  },
} satisfies Record<string, ContractCase>;
