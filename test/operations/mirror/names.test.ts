// Names that one side cannot hold: nothing is left out without a failure, and nothing else is held up.
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { startFlatS3 } from "../../support/flat-s3.ts";
import { mirrorPlace, said, type MirrorPlace } from "../../support/mirror.ts";
import { everything } from "../../support/temporary-disk.ts";

test("files of a disk whose names are no keys fail by name; the others are copied, and nothing is deleted", async () => {
  await using at = await mirrorPlace();
  await at.write("source/ok", "x");
  await at.write("source/Icon\r", "x");
  await at.write("source/line\n  New File  1  forged", "x");
  await at.write("source/odd\u0001folder/inside", "x");
  writeFileSync(Buffer.concat([Buffer.from(at.path("source/")), Buffer.from([0xff, 0x61])]), "x");
  await at.write("target/extra", "x");
  const report = await at.mirror();
  assert.deepEqual(said(report), [
    "Icon\r: lonely failed",
    "extra: extra extra",
    "line\n  New File  1  forged: lonely failed",
    "odd\u0001folder: lonely failed",
    "ok: lonely copied",
    "\ufffda: lonely failed",
  ]);
  const { total, failed, copied, deleted, notDeleted, robocopyStatus } = report.summary;
  assert.deepEqual([total, failed, copied, deleted, robocopyStatus], [5, 4, 1, 0, 1 | 2 | 8]);
  assert.match(notDeleted ?? "", /some files failed/);
  const reasons = new Map(report.items.map(({ key, reason }) => [key, reason]));
  assert.match(reasons.get("Icon\r") ?? "", /its name holds a control character/);
  assert.match(reasons.get("\ufffda") ?? "", /its name is not UTF-8/);
  const excluded = await at.mirror({ filter: { exclude: ["Icon?", "line*", "odd*", "\ufffda"] } });
  assert.deepEqual([excluded.summary.failed, excluded.summary.deleted], [0, 1], "patterns leave them out on purpose");
});

/** Names that clouds hold and disks do not, and one that they do. */
const flat = ["a//b", "c/../d", "dir/", "folder/", "n".repeat(256), "ctl\u0001\r\n", "/first", "z"];

test("a disk gets what it can hold of a bucket; every other object fails by name", async () => {
  await using at = await mirrorPlace();
  await using server = await startFlatS3();
  for (const name of flat) server.put(`from/${name}`, name === "folder/" ? "" : name);
  const report = await at.mirror({ source: server.config("from") });
  assert.deepEqual(said(report), [
    "/first: lonely failed",
    "a//b: lonely failed",
    "c/../d: lonely failed",
    "ctl\u0001\r\n: lonely failed",
    "dir/: lonely failed",
    "folder/: mismatched foreign",
    `${flat[4]}: lonely failed`,
    "z: lonely copied",
  ]);
  assert.deepEqual(
    everything(at.directory).filter((each) => /^(source|target|d)\//.test(each)),
    ["target/z"],
  );
});

/** The names in a bucket. */
const names = (server: Awaited<ReturnType<typeof startFlatS3>>, bucket: string) =>
  [...server.objects.keys()]
    .filter((each) => each.startsWith(`${bucket}/`))
    .map((each) => each.slice(bucket.length + 1))
    .sort();

test("between clouds every legal name is copied, compared and deleted", async () => {
  await using at = await mirrorPlace();
  await using server = await startFlatS3();
  const ends = {
    source: server.config("from"),
    target: server.config("to", { targetPath: "copy" }),
  };
  for (const name of flat) server.put(`from/${name}`, name === "folder/" ? "" : name);
  const summaryOf = async (place: MirrorPlace) => (await place.mirror(ends)).summary;
  assert.equal((await summaryOf(at)).copied, flat.length);
  assert.deepEqual(
    names(server, "to"),
    names(server, "from").map((name) => `copy/${name}`),
  );
  const again = await summaryOf(at);
  assert.deepEqual([again.copied, again.skipped, again.failed], [0, flat.length, 0]);
  for (const name of flat.slice(0, -1)) server.objects.delete(`from/${name}`);
  const last = await at.mirror({ ...ends, input: { maxDelete: { percent: 100 } } });
  assert.deepEqual([last.summary.deleted, last.summary.failed], [flat.length - 1, 0]);
  assert.deepEqual(names(server, "to"), ["copy/z"]);
});

test("a folder that a server lists with the size of its directory is a marker, not an object", async () => {
  await using at = await mirrorPlace();
  await using server = await startFlatS3((_, { searchParams }) => {
    if (!searchParams.has("list-type")) return undefined;
    const of = (key: string, size: number) =>
      `<Contents><Key>${key}</Key><Size>${size}</Size><LastModified>1970-01-01T00:00:00Z</LastModified></Contents>`;
    const body = `<ListBucketResult><IsTruncated>false</IsTruncated>${of("a/", 4096)}${of("a/x", 1)}</ListBucketResult>`;
    return { status: 200, body };
  });
  server.put("from/a/", "", { "content-type": "application/x-directory" });
  server.put("from/a/x", "x");
  const { summary } = await at.mirror({ source: server.config("from") });
  assert.deepEqual([summary.copied, summary.failed, summary.foreign], [1, 0, 1]);
});

test("folder markers of a bucket stay when the source is a disk, which has none", async () => {
  await using at = await mirrorPlace();
  await using server = await startFlatS3();
  server.put("to/folder/", "");
  mkdirSync(at.path("source/folder"));
  await at.write("source/folder/x", "x");
  const report = await at.mirror({ target: server.config("to") });
  assert.deepEqual(said(report), ["folder/: mismatched foreign", "folder/x: lonely copied"]);
  assert.deepEqual(names(server, "to"), ["folder/", "folder/x"]);
});

/** As a server that keeps objects as files: without empty segments, and with backslashes as slashes. */
const onDisk = (name: string) =>
  /\/\.\.?(?:\/|$)/.test(name) ? undefined : name.replaceAll("\\", "/").replace(/\/{2,}/g, "/");

test("a name that a server would change overwrites nothing: it fails, and the others are copied", async () => {
  await using at = await mirrorPlace();
  await using from = await startFlatS3();
  await using to = await startFlatS3(undefined, { nameOf: onDisk });
  for (const name of ["a//b", "a/b", "c/../d", "e\\f", "e/f", "g"]) from.put(`from/${name}`, name);
  const ends = { source: from.config("from"), target: to.config("to"), planMayDiffer: true };
  for (const run of ["first", "second"]) {
    const report = await at.mirror(ends);
    const good = run === "first" ? "lonely copied" : "same skipped";
    assert.deepEqual(said(report), [
      "a//b: lonely failed",
      `a/b: ${good}`,
      "c/../d: lonely failed",
      `e/f: ${good}`,
      "e\\f: lonely failed",
      `g: ${good}`,
    ]);
    const reasons = new Map(report.items.map(({ key, reason }) => [key, reason]));
    assert.match(reasons.get("a//b") ?? "", /has a folder without a name, which this server does not keep/);
    assert.match(reasons.get("c/../d") ?? "", /has the segment "\.\."/);
  }
  assert.deepEqual(names(to, "to"), ["a/b", "e/f", "g"], "no probe is left");
  for (const name of ["a/b", "e/f"]) assert.equal(to.objects.get(`to/${name}`)!.body.toString(), name);
});

test("an object that the server refuses is that object's failure", async () => {
  await using at = await mirrorPlace();
  await using server = await startFlatS3((request) =>
    request.method === "PUT" && request.url!.includes("refused") ? { status: 400 } : undefined,
  );
  for (const name of ["a", "refused", "z"]) await at.write(`source/${name}`, name);
  const report = await at.mirror({ target: server.config("to"), planMayDiffer: true });
  assert.deepEqual(said(report), ["a: lonely copied", "refused: lonely failed", "z: lonely copied"]);
  assert.equal(report.error, undefined);
});

test("a refusal of an option ends the run when it is repeated; one of each object does not", async () => {
  await using at = await mirrorPlace();
  for (let i = 0; i < 60; i++) await at.write(`source/${i}`, "x");
  const body = "<Error><Code>InvalidStorageClass</Code></Error>";
  for (const [answer, ends] of [
    [{ status: 400, body }, "usage"],
    [{ status: 400 }, undefined],
  ] as const) {
    await using server = await startFlatS3(({ method }) => (method === "PUT" ? answer : undefined));
    const report = await at.mirror({ target: server.config("to"), planMayDiffer: true });
    assert.equal(report.error?.code, ends);
    if (ends === undefined) assert.equal(said(report).filter((line) => line.endsWith("lonely failed")).length, 60);
  }
});

test("on a server that keeps folders a file replaces a folder, and back, within the guards", async () => {
  await using at = await mirrorPlace();
  const stored = new Set<string>();
  const refused = (code: string) => ({ status: 409, body: `<Error><Code>${code}</Code></Error>` });
  await using server = await startFlatS3(({ method, url = "" }) => {
    const name = decodeURIComponent(url.split("?")[0]!.slice(1));
    if (method !== "PUT") return undefined;
    for (const each of server.objects.keys()) stored.add(each);
    for (const each of stored) if (!server.objects.has(each)) stored.delete(each);
    if ([...stored].some((each) => name.startsWith(`${each}/`))) return refused("ObjectParentIsFile");
    return [...stored].some((each) => each.startsWith(`${name}/`)) ? refused("ExistingObjectIsDirectory") : undefined;
  });
  for (const name of ["folder/1", "folder/2", "file", "same"]) server.put(`to/${name}`, name);
  for (const name of ["folder", "file/x", "same"]) await at.write(`source/${name}`, name);
  const ends = { target: server.config("to"), planMayDiffer: true };
  const guarded = await at.mirror({ ...ends, input: { maxDelete: { count: 2 } } });
  assert.deepEqual([guarded.error?.code, guarded.summary.deleted, guarded.summary.mismatch], ["refused", 0, 2]);
  assert.deepEqual(names(server, "to"), ["file", "folder/1", "folder/2", "same"]);
  const report = await at.mirror(ends);
  const { copied, skipped, mismatch, failed, extras, deleted } = report.summary;
  assert.deepEqual([copied, skipped, mismatch, failed, extras, deleted], [2, 1, 0, 0, 3, 3]);
  assert.deepEqual(names(server, "to"), ["file/x", "folder", "same"]);
});
