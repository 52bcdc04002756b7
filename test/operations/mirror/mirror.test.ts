import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, rm, stat, symlink, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { createThrottle } from "../../../src/lib/concurrency/throttle.ts";
import { failing, type FailingStore } from "../../support/failing-store.ts";
import { mirrorPlace, said, shown } from "../../support/mirror.ts";
import { everything } from "../../support/temporary-disk.ts";
import { hasCode } from "../../stores/contract/put.ts";

describe("mirror, disk to disk: classes", () => {
  test("each class is reported and treated as robocopy does", async () => {
    await using at = await mirrorPlace();
    await at.write("source/lonely", "new");
    await at.write("source/newer", "from", 60);
    await at.write("target/newer", "to", 0);
    await at.write("source/older", "from", 0);
    await at.write("target/older", "to", 60);
    await at.write("source/changed", "longer");
    await at.write("target/changed", "short");
    await at.write("source/same", "same");
    await at.write("target/same", "same");
    await at.write("source/folder", "a file here");
    await symlink("changed", at.path("target/folder"));
    await at.write("target/gone", "an extra");
    const report = await at.mirror();
    assert.deepEqual(said(report), [
      "changed: changed copied",
      "folder: mismatched foreign",
      "folder: mismatched mismatch",
      "gone: extra deleted",
      "gone: extra extra",
      "lonely: lonely copied",
      "newer: newer copied",
      "older: older copied",
      "same: same skipped",
    ]);
    assert.equal(report.summary.robocopyStatus, 1 | 2 | 4);
    assert.equal(report.summary.notDeleted, undefined, "a mismatch is no doubt about other names");
  });

  test("an extra file is deleted, with the folders that it leaves empty", async () => {
    await using at = await mirrorPlace();
    await at.write("source/kept", "x");
    await at.write("target/kept", "x");
    await at.write("target/a/b/c/extra", "x");
    await at.write("target/a/z", "x");
    const report = await at.mirror();
    assert.deepEqual(said(report), [
      "a/b/c/extra: extra deleted",
      "a/b/c/extra: extra extra",
      "a/z: extra deleted",
      "a/z: extra extra",
      "kept: same skipped",
    ]);
    assert.deepEqual(everything(at.target.path), ["kept"]);
    assert.deepEqual({ ...report.summary, milliseconds: 0, source: "", target: "" }, {
      type: "summary", source: "", target: "", dryRun: false, total: 1, copied: 0, skipped: 1, mismatch: 0, failed: 0, archived: 0,
      extras: 2, deleted: 2, bytes: 0, totalBytes: 1, extraBytes: 2, foreign: 0, modes: 0, foldersMade: 0, foldersDeleted: 0,
      milliseconds: 0, robocopyStatus: 2, keptByProvider: null,
    }); // prettier-ignore
  });

  test("the same bytes with another time are tweaked, and skipped, where hashes are compared", async () => {
    await using at = await mirrorPlace();
    await at.write("source/touched", "bytes", 60);
    await at.write("target/touched", "bytes", 0);
    assert.deepEqual(said(await at.mirror({ compare: { checksum: true } })), ["touched: tweaked skipped"]);
    for (const time of ["second", "third"]) {
      assert.deepEqual(
        said(await at.mirror()),
        ["touched: same skipped"],
        `the journal has its proof the ${time} time`,
      );
    }
  });

  test("a file that became a folder, and a folder that became a file, take the place of what is deleted", async () => {
    await using at = await mirrorPlace();
    await at.write("source/a", "file");
    await at.write("target/a/b", "in a folder");
    await at.write("target/a/deep/c", "in a folder");
    await at.write("target/a-extra", "x");
    await at.write("source/c/d", "in a folder");
    await at.write("source/c/e/f", "in a folder");
    await at.write("target/c", "file");
    await mkdir(at.path("target/empty/more"), { recursive: true });
    await at.write("source/empty", "file");
    for (const end of ["source", "target"]) await at.write(`${end}/same`, "x");
    const refused = await at.mirror({ input: { maxDelete: { count: 3 } } });
    const kept = ["a: mismatched mismatch", "c/d: mismatched mismatch", "c/e/f: mismatched mismatch"];
    assert.equal(refused.error?.code, "refused", "their deletion counts");
    assert.deepEqual(
      said(refused).filter((line) => line.endsWith("mismatch")),
      [...kept, "empty: mismatched mismatch"],
    );
    // by default only what is gone counts: one of five, not four
    const report = await at.mirror({ input: { maxDelete: undefined } });
    assert.deepEqual(
      said(report).filter((line) => !line.startsWith("same")),
      [
        "a-extra: extra deleted",
        "a-extra: extra extra",
        "a/b: extra deleted",
        "a/b: extra extra",
        "a/deep/c: extra deleted",
        "a/deep/c: extra extra",
        "a: lonely copied",
        "c/d: lonely copied",
        "c/e/f: lonely copied",
        "c: extra deleted",
        "c: extra extra",
        "empty: lonely copied",
      ],
    );
    const again = await at.mirror();
    assert.deepEqual([again.summary.skipped, again.summary.total, again.summary.extras], [5, 5, 0]);
    assert.deepEqual(everything(at.target.path), everything(at.source.path));
  });

  test("a folder of which anything stays keeps its place, and stops no other deletion", async () => {
    await using at = await mirrorPlace();
    for (const name of ["filtered", "linked", "both"]) await at.write(`source/${name}`, "file");
    await at.write("target/both/gone", "x");
    await at.write("target/filtered/keep.log", "x");
    await at.write("target/linked/gone", "x");
    await symlink("gone", at.path("target/linked/link"));
    await at.write("source/file/inside", "x");
    await at.write("target/file", "x");
    const filter = { exclude: ["filtered/*.log"] };
    const kept = said(await at.mirror({ filter, input: { noDelete: true } }));
    assert.equal(kept.filter((line) => line.endsWith("mismatch")).length, 4, "--no-delete settles none");
    assert.deepEqual(
      said(await at.mirror({ filter })).filter((line) => !/extra$|foreign$/.test(line)),
      [
        "both/gone: extra deleted",
        "both: lonely copied",
        "file/inside: lonely copied",
        "file: extra deleted",
        "filtered: mismatched mismatch",
        "linked/gone: extra deleted",
        "linked: mismatched mismatch",
      ],
    );
  });

  test("a link in the place of a folder stays: the folder's files are mismatches, and the extras are deleted", async () => {
    await using at = await mirrorPlace();
    await at.write("source/a/x", "x");
    await at.write("source/a/deep/y", "y");
    await at.write("elsewhere/x", "other");
    await at.write("target/gone", "x");
    await symlink(at.path("elsewhere"), at.path("target/a"));
    assert.deepEqual(
      said(await at.mirror()).filter((line) => !/extra$|foreign$/.test(line)),
      ["a/deep/y: mismatched mismatch", "a/x: mismatched mismatch", "gone: extra deleted"],
    );
    assert.deepEqual(everything(at.path("elsewhere")), ["x"]);
  });

  test("links in the source are reported and not copied, and protect files of that name in the target", async () => {
    await using at = await mirrorPlace();
    await at.write("source/file", "x");
    await at.write("elsewhere/x", "x");
    await symlink(at.path("elsewhere"), at.path("source/link"));
    await symlink(at.path("elsewhere/x"), at.path("source/one"));
    for (const file of ["target/link/x", "target/link/y/z", "target/linked", "target/one"]) await at.write(file, "x");
    const report = await at.mirror();
    assert.deepEqual(
      report.items.filter(({ outcome }) => outcome === "deleted").map(({ key }) => key),
      ["linked"],
    );
    assert.equal(report.summary.foreign, 2);
    assert.equal(report.summary.robocopyStatus, 3);
  });

  test("names with spaces, signs and letters of any kind, and 1,001 of them", async () => {
    await using at = await mirrorPlace();
    const odd = [
      "a b/ c ",
      "100%/%41",
      "@scope/x",
      "😀",
      "～",
      "\u00e9",
      "e\u0301",
      "dir-2/x",
      "dir/x",
      "dir.x",
      "+&=?#'\"",
      "\\",
    ];
    for (const name of odd) await at.write(`source/${name}`, name);
    for (let i = 0; i < 1001; i++) await writeFile(at.path("source", `n${i}`), "");
    assert.equal((await at.mirror()).summary.copied, odd.length + 1001);
    const again = await at.mirror();
    assert.deepEqual([again.summary.copied, again.summary.skipped], [0, odd.length + 1001]);
  });

  test("the modification time of a file is kept", async () => {
    await using at = await mirrorPlace();
    await at.write("source/a", "x", 12_345.678);
    await at.mirror();
    assert.equal((await stat(at.path("target/a"))).mtime.toISOString(), "2020-01-01T03:25:45.678Z");
  });
});

describe("mirror: what is compared", () => {
  test("equal size and time but other bytes: found with --checksum only, also after a run that proved them equal", async () => {
    await using at = await mirrorPlace();
    await at.write("source/a", "good");
    await at.mirror();
    const { atime, mtime } = await stat(at.path("target/a"));
    await writeFile(at.path("target/a"), "evil");
    await utimes(at.path("target/a"), atime, mtime);
    const { ino, mtimeMs } = await stat(at.path("target/a"));
    assert.deepEqual(said(await at.mirror({ compare: { checksum: true } })), ["a: changed copied"]);
    assert.equal(readFileSync(at.path("target/a"), "utf8"), "good");
    assert.notEqual((await stat(at.path("target/a"))).ino, ino, "it was another file that looked the same");
    assert.equal(mtimeMs, mtime.getTime());

    await writeFile(at.path("target/a"), "evil");
    await utimes(at.path("target/a"), atime, mtime);
    assert.deepEqual(said(await at.mirror()), ["a: same skipped"]);
  });

  test("--size-only: files of equal size are the same, and the journal does not keep them as proven", async () => {
    await using at = await mirrorPlace();
    await at.write("source/a", "good", 60);
    await at.write("target/a", "evil");
    assert.deepEqual(said(await at.mirror({ compare: { sizeOnly: true } })), ["a: same skipped"]);
    assert.deepEqual(said(await at.mirror()), ["a: newer copied"]);
  });

  test("--time-window: times within it are equal", async () => {
    await using at = await mirrorPlace();
    await at.write("source/a", "one", 1.5);
    await at.write("target/a", "two", 0);
    assert.deepEqual(said(await at.mirror({ compare: { timeWindow: 2000 } })), ["a: same skipped"]);
    assert.deepEqual(said(await at.mirror({ compare: { timeWindow: 1000 } })), ["a: newer copied"]);
  });

  test("--exclude-older, -newer, -changed, -lonely skip their class; --exclude-extra does not report it", async () => {
    await using at = await mirrorPlace();
    await at.write("source/lonely", "new");
    await at.write("source/newer", "from", 60);
    await at.write("target/newer", "to");
    await at.write("source/older", "from");
    await at.write("target/older", "to", 60);
    await at.write("source/changed", "longer");
    await at.write("target/changed", "short");
    await at.write("target/extra", "x");
    const before = await shown(at.target);
    const leave = new Set(["older", "newer", "changed", "lonely", "extra"] as const);
    const report = await at.mirror({ compare: { leave } });
    assert.deepEqual(
      said(report),
      [...leave]
        .filter((kind) => kind !== "extra")
        .map((kind) => `${kind}: ${kind} skipped`)
        .sort(),
    );
    assert.equal(report.summary.robocopyStatus, 0);
    assert.deepEqual(await shown(at.target), before);
    assert.deepEqual(
      said(await at.mirror({ compare: { leave: new Set(["older"]) } })).filter((each) => each.startsWith("older")),
      ["older: older skipped"],
    );
  });
});

describe("mirror: filters", () => {
  test("a filtered file is neither copied nor deleted, on both sides", async () => {
    await using at = await mirrorPlace();
    await at.write("source/a.txt", "x");
    await at.write("source/a.log", "x");
    await at.write("target/b.log", "x");
    await at.write("target/cache/c", "x");
    await at.write("target/b.txt", "x");
    const report = await at.mirror({ filter: { exclude: ["*.log", "cache"] } });
    assert.deepEqual(said(report), ["a.txt: lonely copied", "b.txt: extra deleted", "b.txt: extra extra"]);
    assert.deepEqual([...(await shown(at.target)).keys()], ["a.txt", "b.log", "cache/c"]);
  });

  test("--include: other files of the target are kept", async () => {
    await using at = await mirrorPlace();
    await at.write("source/a.nupkg", "x");
    await at.write("target/old.nupkg", "x");
    await at.write("target/else", "x");
    assert.deepEqual(said(await at.mirror({ filter: { include: ["*.nupkg"] } })), [
      "a.nupkg: lonely copied",
      "old.nupkg: extra deleted",
      "old.nupkg: extra extra",
    ]);
  });

  test("a source file that is filtered by size or age protects the target file of that name", async () => {
    await using at = await mirrorPlace();
    await at.write("source/grown", "x".repeat(100), 60);
    await at.write("target/grown", "small");
    await at.write("source/small", "x");
    const bySize = await at.mirror({ filter: { maxSize: 50 } });
    assert.deepEqual(said(bySize), ["small: lonely copied"]);
    const byAge = await at.mirror({ filter: { maxAge: 1000, now: new Date(Date.UTC(2020, 0, 2)) } });
    assert.equal(byAge.summary.extras, 0);
    assert.equal(readFileSync(at.path("target/grown"), "utf8"), "small");
  });

  test("--min-size and --min-age are applied to the source's blob", async () => {
    await using at = await mirrorPlace();
    await at.write("source/large", "x".repeat(100));
    await at.write("source/small", "x");
    await at.write("source/young", "x".repeat(100), 86_400);
    const now = new Date(Date.UTC(2020, 0, 2, 1));
    assert.deepEqual(said(await at.mirror({ filter: { minSize: 50, minAge: 7_200_000, now } })), [
      "large: lonely copied",
    ]);
  });
});

describe("mirror: deletes", () => {
  async function withExtras(count: number, kept: number) {
    const at = await mirrorPlace();
    for (let i = 0; i < count; i++) await at.write(`target/extra-${i}`, "x");
    for (let i = 0; i < kept; i++) for (const side of ["source", "target"]) await at.write(`${side}/kept-${i}`, "x");
    await at.write("source/new", "x");
    return at;
  }

  for (const [name, extras, kept, maxDelete, reason] of [
    ["a number", 3, 20, { count: 2 }, /3 blobs would be deleted, more than the 2 allowed/],
    ["zero", 1, 20, { count: 0 }, /1 blob would be deleted, more than the 0 allowed/],
    ["a percentage", 3, 20, { percent: 10 }, /3 of 23 blobs would be deleted, more than the 10% allowed/],
    ["the default for a few files", 2, 1, undefined, /2 of 3 blobs would be deleted, more than the 50% allowed/],
    ["the default", 11, 10, undefined, /11 of 21 blobs would be deleted, more than the 50% allowed/],
  ] as const) {
    test(`--max-delete, ${name}: refused before the first delete`, async () => {
      await using at = await withExtras(extras, kept);
      const report = await at.mirror({ input: { maxDelete } });
      assert.equal(report.error?.code, "refused");
      assert.match(report.error?.message ?? "", reason);
      assert.deepEqual([report.summary.deleted, report.summary.extras, report.summary.copied], [0, extras, 1]);
      assert.match(report.summary.notDeleted ?? "", reason);
      assert.equal(report.summary.robocopyStatus, 1 | 2 | 8);
    });
  }

  test("exactly as many as allowed are deleted, and half of the target without a limit", async () => {
    await using some = await withExtras(2, 18);
    assert.equal((await some.mirror({ input: { maxDelete: { percent: 10 } } })).summary.deleted, 2);
    await using half = await withExtras(3, 3);
    assert.equal((await half.mirror()).summary.deleted, 3);
    await using all = await withExtras(20, 1);
    assert.equal((await all.mirror({ input: { maxDelete: { percent: 100 } } })).summary.deleted, 20);
  });

  test("the guard counts only files that the filter selects", async () => {
    await using at = await withExtras(11, 5);
    for (let i = 0; i < 50; i++) await at.write(`target/hidden-${i}.log`, "x");
    assert.equal(
      (await at.mirror({ filter: { exclude: ["*.log"] }, input: { maxDelete: undefined } })).error?.code,
      "refused",
    );
  });

  test("--no-delete: extras are reported and kept", async () => {
    await using at = await withExtras(3, 0);
    const { summary } = await at.mirror({ input: { noDelete: true } });
    assert.deepEqual([summary.extras, summary.deleted, summary.copied], [3, 0, 1]);
  });

  test("when the deletes are not confirmed, the copies are done and nothing is deleted", async () => {
    await using at = await withExtras(3, 3);
    const approve = async () => Promise.reject(Object.assign(new Error("no")));
    const report = await at.mirror({ input: { approve }, planMayDiffer: true });
    assert.equal(report.error?.message, "no");
    assert.deepEqual([report.summary.copied, report.summary.deleted, report.summary.extras], [1, 0, 3]);
  });

  test("--trash keeps deleted and overwritten files with their time; the next runs ignore it", async () => {
    await using at = await mirrorPlace();
    await at.write("source/a/changed", "new", 60);
    await at.write("target/a/changed", "old", 5);
    await at.write("target/b/extra", "extra", 7);
    const input = { trash: ".trash" };
    await at.mirror({ input });
    const [folder = ""] = everything(at.path("target/.trash"));
    assert.match(folder, /^\d{8}T\d{6}\.\d{3}Z$/);
    const kept = (file: string) => at.path("target/.trash", folder, file);
    assert.equal(readFileSync(kept("a/changed"), "utf8"), "old");
    assert.equal(readFileSync(kept("b/extra"), "utf8"), "extra");
    assert.equal((await stat(kept("b/extra"))).mtime.getTime(), Date.UTC(2020, 0, 1) + 7000);
    await at.write("source/a/changed", "newest", 90);
    await at.write("source/.trash/of-the-source", "is no business of ours");
    const again = await at.mirror({ input });
    assert.deepEqual(said(again), ["a/changed: newer copied"]);
    assert.equal(readFileSync(kept("a/changed"), "utf8"), "old", "a later run has a folder of its own");
    assert.equal(everything(at.path("target/.trash")).filter((each) => !each.includes("/")).length, 2);
  });

  test("an extra that cannot be kept stays, and holds up no other; no run keeps a blob twice", async () => {
    await using at = await mirrorPlace();
    const long = ["bb", ...Array.from({ length: 5 }, () => "l".repeat(200))].join("/");
    await at.write("source/same", "same");
    for (const file of ["same", "aa", "zz", long]) await at.write(`target/${file}`, "same");
    for (const deleted of [2, 0]) {
      const { summary, items, error } = await at.mirror({ input: { trash: ".trash" }, planMayDiffer: true });
      assert.deepEqual([summary.deleted, summary.extras, error], [deleted, deleted + 1, undefined]);
      assert.match(summary.notDeleted ?? "", /could not be kept in the trash: .*longer than/);
      assert.deepEqual(
        items.filter(({ outcome }) => outcome === "failed").map(({ key }) => key),
        [long],
      );
    }
    const files = everything(at.path("target")).filter((path) => /(?:^|\/)(?:aa|zz)$/.test(path));
    assert.deepEqual(
      files.map((path) => path.replace(/^.*Z\//, "trash/")),
      ["trash/aa", "trash/zz"],
    );
  });

  test("a trash without a prefix of its own is refused", async () => {
    await using at = await mirrorPlace();
    for (const trash of ["", "/"]) await assert.rejects(at.mirror({ input: { trash } }), hasCode("usage"));
  });
});

describe("mirror: places", () => {
  for (const [name, source, target] of [
    ["the same", "source", "source"],
    ["the same by other words", "source", "source/../source/."],
    ["the same by a link", "source", "link"],
    ["the target inside the source", "source", "source/sub/deeper"],
    ["the source inside the target", "source/sub", "source"],
    ["inside by a link", "source", "link/new"],
  ] as const) {
    test(`source and target that overlap are refused: ${name}`, async () => {
      await using at = await mirrorPlace();
      await at.write("source/sub/a", "x");
      await symlink(at.source.path, at.path("link"));
      const disk = (path: string) => ({ type: "disk" as const, path: join(at.directory, path) });
      await assert.rejects(at.mirror({ source: disk(source), target: disk(target) }), hasCode("refused"));
      assert.deepEqual(everything(at.source.path), ["sub", "sub/a"]);
    });
  }

  test("feedctl's own data is refused as a target", async () => {
    await using at = await mirrorPlace();
    for (const path of [".", "data", "data/catalog", "data/mirrors/x"]) {
      await assert.rejects(at.mirror({ target: { type: "disk", path: at.path(path) } }), hasCode("refused"));
    }
  });

  test("a missing source is not-found, and the target is not changed", async () => {
    await using at = await mirrorPlace();
    await at.write("target/precious", "x");
    await rm(at.source.path, { recursive: true });
    await assert.rejects(at.mirror(), hasCode("not-found"));
    assert.deepEqual([...(await shown(at.target)).keys()], ["precious"]);
  });

  test("a target that does not exist is created, but not by a dry run", async () => {
    await using at = await mirrorPlace();
    await at.write("source/a", "x");
    await rm(at.target.path, { recursive: true });
    const wrap: FailingStore[] = [];
    await at.mirror({
      wrap: (store, end, run) => {
        if (run === "real" && end === "target") assert.ok(!existsSync(at.target.path));
        wrap.push(failing(store, {}));
        return wrap.at(-1)!;
      },
    });
    assert.ok(existsSync(at.path("target/a")));
    assert.deepEqual([wrap[1]!.calls.put, wrap[3]!.calls.put], [0, 1]);
  });
});

test("mirror: --bandwidth limits all copies together", async () => {
  await using at = await mirrorPlace();
  for (let i = 0; i < 4; i++) await at.write(`source/${i}`, Buffer.alloc(50_000));
  const started = performance.now();
  await at.mirror({ input: { throttle: createThrottle(400_000, new AbortController().signal) } });
  const took = performance.now() - started;
  assert.ok(took > 450, `200 kB at 400 kB/s took ${took} ms`);
});
