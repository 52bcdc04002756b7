import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { appendFile, mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { describe, test } from "node:test";
import { promisify } from "node:util";
import fc from "fast-check";
import { FeedctlError } from "../../../src/errors.ts";
import { createFilter } from "../../../src/operations/mirror/filter.ts";
import type { MirrorInput } from "../../../src/operations/mirror/mirror-run.ts";
import { temporaryName } from "../../../src/stores/disk/names.ts";
import type { BlobSource, Store } from "../../../src/stores/store.ts";
import { failing, type Failures } from "../../support/failing-store.ts";
import { collectReport, mirrorPlace, place, said, shown, testContext, type MirrorPlace } from "../../support/mirror.ts";
import { everything } from "../../support/temporary-disk.ts";
import { randomly } from "../../support/effort.ts";

const run = promisify(execFile);

/** Extras before, between and after the source's own keys. */
async function withExtras(): Promise<MirrorPlace> {
  const at = await mirrorPlace();
  for (const key of ["b", "d", "f", "h"]) await at.write(`source/${key}`, `source ${key}`);
  for (const key of ["a", "e", "z"]) await at.write(`target/${key}`, "extra");
  await at.write("target/d", "old");
  return at;
}
const extras = ["a", "e", "z"];

async function nothingDeleted(at: MirrorPlace): Promise<void> {
  const keys = [...(await shown(at.target)).keys()];
  assert.deepEqual(
    keys.filter((key) => extras.includes(key)),
    extras,
  );
}

const faulty = (end: "source" | "target", failures: Failures) => ({
  wrap: (store: Store, at: "source" | "target") => (at === end ? failing(store, failures) : store),
});

describe("mirror must never delete because a listing is incomplete", () => {
  for (const end of ["source", "target"] as const) {
    for (const entries of [0, 1, 2, 4]) {
      test(`the listing of the ${end} fails after ${entries} entries`, async () => {
        await using at = await withExtras();
        const report = await at.mirror(faulty(end, { listAfter: { entries, times: Infinity } }));
        assert.equal(report.error?.code, "unavailable");
        assert.equal(report.summary.deleted, 0);
        await nothingDeleted(at);
      });
    }

    test(`the listing of the ${end} comes out of order`, async () => {
      await using at = await withExtras();
      const report = await at.mirror(faulty(end, { unordered: true }));
      assert.equal(report.error?.code, "corrupt");
      assert.match(report.error?.message ?? "", /out of order: "(a|b)" came after "(d|e)"/);
      await nothingDeleted(at);
    });

    test(`a listing of the ${end} that breaks and is resumed is complete`, async () => {
      await using at = await withExtras();
      const report = await at.mirror(faulty(end, { listAfter: { entries: 2 } }));
      assert.deepEqual([report.error, report.summary.deleted], [undefined, 3]);
    });
  }

  test("an emptied source, whatever the limit", async () => {
    await using at = await withExtras();
    await rm(at.source.path, { recursive: true });
    await mkdir(at.source.path);
    for (const maxDelete of [undefined, { count: 1000 }, { percent: 100 }]) {
      const report = await at.mirror({ input: { maxDelete } });
      assert.equal(report.error?.code, "refused");
      assert.match(report.error?.message ?? "", /the source is empty/);
      await nothingDeleted(at);
    }
  });

  test("a source of which the filters select nothing", async () => {
    await using at = await withExtras();
    const report = await at.mirror({ filter: { exclude: ["[bdfh]"] } });
    assert.equal(report.error?.code, "refused");
    await nothingDeleted(at);
  });
});

describe("mirror must never delete when something failed", () => {
  test("one copy fails: the others are done, nothing is deleted", async () => {
    await using at = await withExtras();
    const error = new FeedctlError("denied", "not this one");
    const report = await at.mirror({ ...onPut("f", () => Promise.reject(error)), planMayDiffer: true });
    assert.deepEqual(said(report), [
      "a: extra extra",
      "b: lonely copied",
      "d: changed copied",
      "e: extra extra",
      "f: lonely failed",
      "h: lonely copied",
      "z: extra extra",
    ]);
    assert.deepEqual([report.error, report.summary.failed, report.summary.deleted], [undefined, 1, 0]);
    await nothingDeleted(at);
  });

  test("a copy that succeeds at the second try is reported as a retry, not as a failure, and extras are deleted", async () => {
    await using at = await withExtras();
    let tries = 0;
    const once = (put: () => Promise<unknown>) =>
      tries++ === 0 ? Promise.reject(new FeedctlError("corrupt", "once")) : put();
    const report = await at.mirror({ ...onPut("f", once), planMayDiffer: true });
    assert.deepEqual(
      report.items.filter(({ key }) => key === "f").map(({ outcome }) => outcome),
      ["postponed", "copied"],
    );
    assert.deepEqual([report.summary.failed, report.summary.copied, report.summary.deleted], [0, 4, 3]);
  });

  test("without retries the first failure is the last", async () => {
    await using at = await withExtras();
    let tries = 0;
    const refuse = () => (tries++, Promise.reject(new FeedctlError("corrupt", "no")));
    const report = await at.mirror({ ...onPut("f", refuse), input: { retries: 0 }, planMayDiffer: true });
    assert.deepEqual([tries, report.summary.failed, report.summary.deleted], [1, 1, 0]);
    assert.ok(!report.items.some(({ outcome }) => outcome === "postponed"));
  });

  test("a file that vanishes from the source meanwhile is not a failure", async () => {
    await using at = await withExtras();
    const vanish = async (put: () => Promise<unknown>) => {
      await rm(join(at.source.path, "f"), { force: true });
      return put();
    };
    const report = await at.mirror({ ...onPut("f", vanish), planMayDiffer: true });
    assert.ok(said(report).includes("f: lonely skipped"));
    assert.deepEqual([report.summary.total, report.summary.skipped, report.summary.deleted], [4, 1, 3]);
    assert.equal((await shown(at.target)).has("f"), false);
  });

  test("an outage of a store ends the run soon", async () => {
    await using at = await withExtras();
    for (let i = 0; i < 200; i++) await writeFile(at.path("source", `many-${i}`), "");
    let puts = 0;
    const gone = () => (puts++, Promise.reject(new FeedctlError("unavailable", "gone")));
    const report = await at.mirror({ ...onPut(undefined, gone), planMayDiffer: true });
    assert.equal(report.error?.code, "unavailable");
    assert.ok(puts < 100, `${puts} tries`);
    assert.equal(report.summary.failed, report.summary.total);
    await nothingDeleted(at);
  });

  test("a blob that the target does not delete is named, and the others are deleted", async () => {
    await using at = await withExtras();
    const error = new FeedctlError("denied", "not this one");
    const report = await at.mirror({
      ...faulty("target", { calls: [{ method: "delete", nth: 2, error }] }),
      planMayDiffer: true,
    });
    assert.equal(report.error, undefined);
    const failed = report.items.filter(({ outcome }) => outcome === "failed");
    assert.partialDeepStrictEqual(failed, [{ class: "extra", key: "e", reason: "not this one" }]);
    assert.deepEqual([report.summary.deleted, report.summary.extras, report.summary.failed], [2, 3, 0]);
    assert.equal(report.summary.notDeleted, "not this one");
    assert.equal(report.summary.robocopyStatus & 8, 8);
    assert.deepEqual(
      [...(await shown(at.target)).keys()].filter((key) => extras.includes(key)),
      ["e"],
    );
  });

  test("a target that fails while extras are deleted is an error, and deletes before it are reported", async () => {
    await using at = await withExtras();
    const calls = [
      { method: "delete" as const, nth: (count: number) => count >= 2 },
      { method: "list" as const, nth: (count: number) => count >= 2 },
    ];
    const report = await at.mirror({ ...faulty("target", { calls }), planMayDiffer: true });
    assert.equal(report.error?.code, "unavailable");
    assert.deepEqual([report.summary.deleted, report.summary.extras], [1, 3]);
  });
});

describe("mirror must never show a partial blob", () => {
  test("a source that ends before its announced size is a failure, and the old blob stays", async () => {
    await using at = await withExtras();
    const wrap = (store: Store, end: string): Store =>
      end === "target" ? store : { ...bytesOnly(store), get: async () => Readable.from([Buffer.from("so")]) };
    const report = await at.mirror({ wrap, planMayDiffer: true });
    assert.deepEqual([report.summary.failed, report.summary.copied, report.summary.deleted], [4, 0, 0]);
    assert.match(
      report.items.find(({ outcome }) => outcome === "failed")?.reason ?? "",
      /corrupt|promised|ended early|delivered/,
    );
    assert.equal(await readFile(at.path("target/d"), "utf8"), "old");
    assert.deepEqual(everything(at.target.path), ["a", "d", "e", "z"]);
  });

  for (const way of ["copied by the kernel", "read"] as const) {
    test(`a file that changes while it is ${way} is retried, and no mix of both is ever visible`, async () => {
      await using at = await withExtras();
      const file = join(at.source.path, "f");
      let changes = 1;
      const change = (source: BlobSource): BlobSource => ({
        size: source.size,
        open: source.open,
        ...(way === "read" ? {} : { path: source.path }),
        async check() {
          if (changes-- > 0) await writeFile(file, "SOURCE F"); // of the same size
          await source.check?.();
        },
      });
      const report = await at.mirror({ ...onSource("f", change), planMayDiffer: true });
      assert.deepEqual(
        report.items.filter(({ key }) => key === "f").map(({ outcome }) => outcome),
        ["postponed", "copied"],
      );
      assert.match(
        report.items.find(({ outcome }) => outcome === "postponed")?.reason ?? "",
        /changed while it was being copied/,
      );
      assert.equal(await readFile(at.path("target/f"), "utf8"), "SOURCE F");

      changes = Infinity;
      await appendFile(file, "!");
      const never = await at.mirror({ ...onSource("f", change), planMayDiffer: true });
      assert.deepEqual([never.summary.failed, never.summary.deleted], [1, 0]);
      assert.equal(await readFile(at.path("target/f"), "utf8"), "SOURCE F", "the old blob stays");
      assert.deepEqual(
        everything(at.target.path).filter((each) => /[^a-z]/.test(each)),
        [],
      );
    });
  }

  test("a file that changed between the listing and the copy", async () => {
    await using at = await withExtras();
    const change = async (put: () => Promise<unknown>) => {
      if ((await stat(join(at.source.path, "f"))).size < 10)
        await writeFile(join(at.source.path, "f"), "another length");
      return put();
    };
    const report = await at.mirror({ ...onPut("f", change), planMayDiffer: true });
    assert.deepEqual(
      report.items.filter(({ key }) => key === "f").map(({ outcome }) => outcome),
      ["postponed", "copied"],
    );
    assert.equal(await readFile(at.path("target/f"), "utf8"), "another length");
  });

  test("a full disk: no partial file is left, nothing is deleted, and the next run continues", async (t) => {
    await using at = await withExtras();
    for (let i = 0; i < 8; i++) await writeFile(at.path("source", `large-${i}`), Buffer.alloc(300_000, i + 1));
    const small = at.path("small");
    await mkdir(small);
    try {
      await run("mount", ["-t", "tmpfs", "-o", "size=1m", "none", small]);
    } catch (error) {
      return t.skip(`a small disk cannot be mounted: ${(error as Error).message.split("\n")[1] ?? "not allowed"}`);
    }
    try {
      await at.write("small/extra", "x");
      const target = { type: "disk" as const, path: small };
      const report = await at.mirror({ target, planMayDiffer: true });
      assert.equal(report.error?.code, "full");
      assert.deepEqual([report.summary.deleted, report.summary.extras], [0, 1]);
      for (const [key, { size }] of await shown(target)) assert.ok(size === 300_000 || !key.startsWith("large"), key);
      assert.deepEqual(everything(small), [...(await shown(target)).keys()].sort());
      await run("mount", ["-o", "remount,size=8m", small]);
      const again = await at.mirror({ target });
      assert.equal(again.error, undefined);
      assert.equal(again.summary.copied + again.summary.skipped, 12);
    } finally {
      await run("umount", [small]);
    }
  });

  test("an interruption: no partial blob, nothing deleted, and the next run completes", async () => {
    await using at = await withExtras();
    for (let i = 0; i < 200; i++) await writeFile(at.path("source", `many-${i}`), Buffer.alloc(10_000, i));
    const stop = new AbortController();
    let puts = 0;
    const abort = (put: () => Promise<unknown>) => {
      if (++puts === 40) stop.abort(new FeedctlError("interrupted", "stopped by the user"));
      return put();
    };
    const report = await at.mirror({ ...onPut(undefined, abort), signal: stop.signal, planMayDiffer: true });
    assert.equal(report.error?.code, "interrupted");
    assert.ok(report.summary.copied >= 30 && report.summary.copied < 60, `${report.summary.copied} copied`);
    await nothingDeleted(at);
    assert.deepEqual(
      everything(at.target.path).filter((each) => /[^a-z0-9-]/.test(each)),
      [],
    );
    const again = await at.mirror();
    assert.deepEqual(
      [again.error, again.summary.skipped, again.summary.deleted],
      [undefined, report.summary.copied, 3],
    );
  });

  test("an interruption does not wait for the next retry", async () => {
    await using at = await withExtras();
    const stop = new AbortController();
    const refuse = () => {
      // long after the other copies have ended, and long before the next retry
      setTimeout(() => stop.abort(new FeedctlError("interrupted", "stopped by the user")), 2000);
      return Promise.reject(new FeedctlError("corrupt", "no"));
    };
    const report = await at.mirror({
      ...onPut("f", refuse),
      input: { wait: 60_000 },
      signal: stop.signal,
      planMayDiffer: true,
    });
    assert.equal(report.error?.code, "interrupted");
    assert.equal(report.summary.failed, 1, "what was still to be tried counts as failed");
  });
});

/** Input of a run without a dry run before it. */
function inputOf(at: MirrorPlace, more: Partial<MirrorInput> = {}): MirrorInput {
  return {
    source: place(at.source),
    target: place(at.target),
    dryRun: false,
    noDelete: false,
    compare: { checksum: false, sizeOnly: false, timeWindow: 1, leave: new Set([]) },
    filter: createFilter({ include: [], exclude: [], now: new Date() }),
    retries: 0,
    wait: 0,
    concurrency: 2,
    approve: async () => {},
    ...more,
  };
}

test("mirror must never run twice at once to one target", async () => {
  await using at = await withExtras();
  const context = testContext(at.path("data"), {});
  const approve = async () => {
    await assert.rejects(collectReport(context, inputOf(at)), { code: "locked" });
    const elsewhere = inputOf(at, { target: place({ type: "disk", path: at.path("elsewhere") }) });
    assert.equal((await collectReport(context, elsewhere)).summary.copied, 4);
  };
  const report = await collectReport(context, inputOf(at, { approve, maxDelete: { percent: 100 } }));
  assert.deepEqual([report.error, report.summary.deleted], [undefined, 3]);
  assert.deepEqual(
    everything(at.path("data")).filter((each) => !each.endsWith(".journal")),
    ["mirrors"],
  );
});

test("the unfinished upload of a killed run is deleted by a later run that copies, after a day", async () => {
  await using at = await withExtras();
  const left = join(at.target.path, temporaryName());
  await writeFile(left, "half");
  const context = testContext(at.path("data"), {});
  await collectReport(context, inputOf(at));
  assert.ok(existsSync(left));
  await at.write("source/b", "changed", 60);
  const now = () => new Date(Date.now() + 2 * 86_400_000);
  assert.equal((await collectReport({ ...context, now }, inputOf(at))).summary.copied, 1);
  assert.ok(!existsSync(left));
});

test("a journal that is damaged or of another version is ignored", async () => {
  await using at = await withExtras();
  await at.mirror();
  const journal = everything(at.path("data/mirrors")).find((each) => each.endsWith(".journal"));
  assert.ok(journal !== undefined);
  const file = at.path("data/mirrors", journal);
  const [head = "", ...lines] = (await readFile(file, "utf8")).trimEnd().split("\n");
  for (const text of [
    "",
    "nonsense",
    `${head}\nnonsense\n`,
    [head, ...lines.reverse()].join("\n"),
    `${head} 2\n${lines[0]}\n`,
  ]) {
    await writeFile(file, text);
    await writeFile(at.path("source/b"), `changed ${text.length}`);
    const report = await at.mirror();
    assert.deepEqual([report.error, report.summary.copied, report.summary.skipped], [undefined, 1, 3]);
  }
});

test("any two sides: the run obeys the plan, the items agree with the result, and a second run finds nothing to do", async () => {
  const name = fc.constantFrom("a", "b", "a-", "a.b", "~", "\u00e9", "\u{1f600}", "\uff5e");
  const keys = fc.array(name, { minLength: 1, maxLength: 3 }).map((segments) => segments.join("/"));
  const files = fc.dictionary(keys, fc.record({ content: fc.string({ maxLength: 2 }), time: fc.nat(2) }), {
    maxKeys: 8,
    noNullPrototype: true,
  });
  await fc.assert(
    fc.asyncProperty(files, files, async (source, target) => {
      await using at = await mirrorPlace();
      for (const [side, tree] of Object.entries({ source, target })) {
        for (const [key, { content, time }] of Object.entries(tree)) {
          // a file may exist where another one needs a folder: then the other is written
          await at.write(`${side}/${key}`, content, time).catch(() => {});
        }
      }
      const input = { maxDelete: { percent: 100 } };
      const report = await at.mirror({ input, compare: { checksum: true } });
      const again = await at.mirror({ input });
      if (report.error !== undefined) return assert.equal(report.error.code, "refused");
      assert.deepEqual([again.summary.copied, again.summary.deleted], [0, 0]);
      const sides = [await shown(at.source), await shown(at.target)].map((side) => [...side.keys()]);
      if (report.summary.mismatch === 0) assert.deepEqual(sides[1], sides[0]);
    }),
    randomly(40),
  );
});

/** The store without its local paths: its bytes can only be read through it. */
function bytesOnly(store: Store): Store {
  const { localPath: _, ...rest } = store;
  return rest;
}

/** Wraps the target so that `between` runs instead of each put, of one key or of all, and may call it. */
function onPut(key: string | undefined, between: (put: () => Promise<never>) => Promise<unknown>) {
  return {
    wrap: (store: Store, end: string): Store => ({
      ...store,
      put: (at, source, options) => {
        const put = () => store.put(at, source, options);
        return end === "target" && (key === undefined || at === key) ? (between(put as never) as never) : put();
      },
    }),
  };
}

/** Wraps the target so that a put of the key reads another source. */
function onSource(key: string, other: (source: BlobSource) => BlobSource) {
  return {
    wrap: (store: Store, end: string): Store => ({
      ...store,
      put: (at, source, options) => store.put(at, end === "target" && at === key ? other(source) : source, options),
    }),
  };
}
