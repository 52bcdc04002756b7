import assert from "node:assert/strict";
import { FeedctlError } from "../../../src/errors.ts";
import type { Key } from "../../../src/lib/key.ts";
import type { PutOptions, Store, UploadNotes } from "../../../src/stores/store.ts";
import { readAll, sha256, someBytes, sourceOf } from "../../support/bytes.ts";
import type { ContractCase } from "./contract.ts";
import { hasCode, keysOf, MIB, putBytes } from "./put.ts";
import { sweepUnfinished } from "../../../src/stores/unfinished.ts";

/** Large enough for several parts in every adapter. */
const LARGE = 17 * MIB + 3;
/** In the last part, so that the parts before it can be there. */
const LATE = 17 * MIB;

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
    async run({ store, key, prefix, t }) {
      const notes = memoryNotes();
      const bytes = someBytes(LARGE);
      await breakPut(store, key("x"), bytes, { notes, at: LATE, how });
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
      const bytes = someBytes(LARGE);
      for (const at of [10 * MIB, LATE]) await breakPut(store, key("x"), bytes, { notes, at });
      assert.equal(await putBytes(store, key("x"), bytes, { notes }), "created");
      await holds(store, key("x"), bytes);
      assert.equal(notes.kept.size, 0);
    },
  },
  "a put of other bytes of the same length does not resume the interrupted one": {
    async run({ store, key }) {
      const notes = memoryNotes();
      await breakPut(store, key("x"), someBytes(LARGE, 1), { notes, at: LATE });
      assert.equal(await putBytes(store, key("x"), someBytes(LARGE, 2), { notes }), "created");
      await holds(store, key("x"), someBytes(LARGE, 2));
      assert.equal(notes.kept.size, 0);
    },
  },
  "a resumed blob has the content type and metadata of the last put": {
    needs: "metadata",
    async run({ store, key }) {
      const notes = memoryNotes();
      const bytes = someBytes(LARGE);
      await breakPut(store, key("x"), bytes, { notes, at: LATE, contentType: "text/old", metadata: { a: "old" } });
      await putBytes(store, key("x"), bytes, { notes, contentType: "text/new", metadata: { b: "new" } });
      const blob = await store.head(key("x"));
      assert.deepEqual([blob?.contentType, blob?.metadata], ["text/new", { b: "new" }]);
      await holds(store, key("x"), bytes);
    },
  },
  "a malformed note, or one of an upload that does not exist, is ignored": {
    async run({ store, key, t }) {
      const notes = memoryNotes();
      const bytes = someBytes(LARGE);
      await breakPut(store, key("probe"), bytes, { notes, at: LATE });
      if (notes.kept.size === 0) return t.skip("the store leaves no notes");
      notes.kept.clear();
      for (const note of ["", "{", "null", "[]", `{"uploadId":7}`, "\u0000"]) {
        notes.kept.set(key("x"), note);
        await putBytes(store, key("x"), bytes, { notes, ifExists: "replace" });
        await holds(store, key("x"), bytes);
        assert.equal(notes.kept.size, 0);
      }
      if (store.unfinished === undefined) return t.diagnostic("the store has no unfinished uploads");
      await breakPut(store, key("y"), bytes, { notes, at: LATE });
      await sweepUnfinished(store, new Date(Date.now() + 3_600_000));
      assert.equal(await putBytes(store, key("y"), bytes, { notes }), "created");
      await holds(store, key("y"), bytes);
      assert.equal(notes.kept.size, 0);
    },
  },
  "a blob created meanwhile is unchanged if it has the same bytes, else a conflict or replaced": {
    async run({ store, key }) {
      const notes = memoryNotes();
      const bytes = someBytes(LARGE, 1);
      for (const name of ["same", "other", "replaced"]) {
        await breakPut(store, key(name), bytes, { notes, at: LATE });
        await putBytes(store, key(name), name === "same" ? bytes : someBytes(LARGE, 2));
      }
      assert.equal(await putBytes(store, key("same"), bytes, { notes }), "unchanged");
      await assert.rejects(putBytes(store, key("other"), bytes, { notes }), hasCode("conflict"));
      assert.equal(await putBytes(store, key("replaced"), bytes, { notes, ifExists: "replace" }), "replaced");
      assert.equal(notes.kept.size, 0, "nothing is left to resume");
      await holds(store, key("other"), someBytes(LARGE, 2));
      await holds(store, key("replaced"), bytes);
    },
  },
  "wrong bytes are corrupt, and are not resumed": {
    async run({ store, key, prefix }) {
      const notes = memoryNotes();
      const promised = { sha256: sha256(Buffer.from("other")), notes };
      for (let count = 0; count < 2; count++) {
        await assert.rejects(putBytes(store, key("x"), someBytes(LARGE), promised), hasCode("corrupt"));
        assert.deepEqual(await keysOf(store, prefix), []);
      }
      assert.equal(await putBytes(store, key("x"), someBytes(LARGE), { notes }), "created");
      await holds(store, key("x"), someBytes(LARGE));
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
