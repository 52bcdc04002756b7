import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { crc32 } from "node:zlib";
import { createReadRanges } from "../../../src/formats/containers/read-ranges.ts";
import { zipEntries } from "../../../src/formats/containers/zip.ts";

interface Part {
  name: string;
  /** Offset of the local header. */
  offset: number;
  data: Buffer;
}

/** A local header with its stored data. */
function local({ name, data }: Pick<Part, "name" | "data">): Buffer {
  const header = Buffer.alloc(30);
  header.writeUInt32LE(0x04034b50, 0);
  header.writeUInt16LE(20, 4);
  header.writeUInt32LE(0x21_0000, 10);
  header.writeUInt32LE(crc32(data), 14);
  header.writeUInt32LE(data.length, 18);
  header.writeUInt32LE(data.length, 22);
  header.writeUInt16LE(name.length, 26);
  return Buffer.concat([header, Buffer.from(name), data]);
}

function directoryOf(parts: readonly Part[], offset: number): Buffer {
  const headers = parts.map(({ name, data, offset: at }) => {
    const header = Buffer.alloc(46);
    header.writeUInt32LE(0x02014b50, 0);
    header.writeUInt16LE(20, 4);
    header.writeUInt16LE(20, 6);
    header.writeUInt32LE(0x21_0000, 12);
    header.writeUInt32LE(crc32(data), 16);
    header.writeUInt32LE(data.length, 20);
    header.writeUInt32LE(data.length, 24);
    header.writeUInt16LE(name.length, 28);
    header.writeUInt32LE(at, 42);
    return Buffer.concat([header, Buffer.from(name)]);
  });
  const directory = Buffer.concat(headers);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(parts.length, 8);
  end.writeUInt16LE(parts.length, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([directory, end]);
}

function zipOf(files: readonly Pick<Part, "name" | "data">[]): Buffer {
  const records = files.map(local);
  let offset = 0;
  const parts = files.map((file, index) => {
    const part = { ...file, offset };
    offset += records[index]!.length;
    return part;
  });
  return Buffer.concat([...records, directoryOf(parts, offset)]);
}

async function open(t: TestContext, bytes: Buffer) {
  const folder = await mkdtemp(join(tmpdir(), "feedctl-zip-"));
  t.after(() => rm(folder, { recursive: true }));
  const path = join(folder, "a.zip");
  await writeFile(path, bytes);
  return zipEntries({ path, size: bytes.length, name: "a.zip" });
}

test("an entry inside the data of another is refused, in either order", async (t) => {
  const inner = { name: "inner", data: Buffer.from("twice") };
  const outer = { name: "outer", data: local(inner) };
  const record = local(outer);
  const parts = [
    { ...outer, offset: 0 },
    { ...inner, offset: record.length - outer.data.length },
  ];
  for (const order of [parts, parts.toReversed()]) {
    const entries = await Array.fromAsync(await open(t, Buffer.concat([record, directoryOf(order, record.length)])));
    assert.equal((await entries[0]!.read("manifest")).length, order[0]!.data.length, "the first alone is fine");
    assert.equal((await entries[0]!.read("manifest")).length, order[0]!.data.length, "so is reading it again");
    await assert.rejects(entries[1]!.read("manifest"), /overlaps another entry/);
    await assert.rejects(Array.fromAsync(entries[1]!.chunks()), /overlaps another entry/);
  }
});

test("what was read of an archive is not kept in memory", async (t) => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const files = Array.from({ length: 4000 }, (_, i) => ({ name: `f${i}`, data: Buffer.from(`content ${i}`) }));
  const entries = await open(t, zipOf(files));
  let count = 0;
  let early = 0;
  for await (const entry of entries) {
    assert.equal(String(await entry.read("manifest")), `content ${count}`);
    if (++count !== 500 && count !== 4000) continue;
    collect();
    const { heapUsed } = process.memoryUsage();
    if (count === 500) early = heapUsed;
    else assert.ok(heapUsed - early < 4_000_000, `3,500 entries are kept in ${heapUsed - early} bytes`);
  }
  assert.equal(count, 4000);
});

test("entries of one name are one when their content is the same, and refused when it differs", async (t) => {
  const same = { name: "a", data: Buffer.from("once") };
  const other = { name: "b", data: Buffer.from("other") };
  const names = async (bytes: Buffer) => (await Array.fromAsync(await open(t, bytes))).map(({ name }) => name);
  assert.deepEqual(await names(zipOf([same, other, same, same])), ["a", "b"]);
  assert.deepEqual(
    await names(zipOf([{ name: "d/", data: Buffer.alloc(0) }, same, { name: "d/", data: Buffer.alloc(0) }])),
    ["d/", "a"],
  );
  const record = local(same);
  const listedTwice = directoryOf(
    [
      { ...same, offset: 0 },
      { ...same, offset: 0 },
    ],
    record.length,
  );
  assert.deepEqual(
    await names(Buffer.concat([record, listedTwice])),
    ["a"],
    "one entry, which the directory lists twice",
  );
  const differing = zipOf([same, other, { ...same, data: Buffer.from("ecno") }]);
  await assert.rejects(names(differing), /holds "a" twice, with different content/);
});

test("names are read without segments that mean nothing, and two spellings are one name", async (t) => {
  const data = Buffer.from("content");
  const none = Buffer.alloc(0);
  const names = async (files: Parameters<typeof zipOf>[0]) =>
    (await Array.fromAsync(await open(t, zipOf(files)))).map(({ name }) => name);
  assert.deepEqual(
    await names([
      { name: "./", data: none },
      { name: "./a/", data: none },
      { name: "./a/b", data },
      { name: "c//./d", data },
    ]),
    ["a/", "a/b", "c/d"],
  );
  assert.deepEqual(
    await names([
      { name: "./", data: none },
      { name: "././", data: none },
      { name: "a", data },
    ]),
    ["a"],
  );
  assert.deepEqual(
    await names([
      { name: "a", data },
      { name: "./a", data },
    ]),
    ["a"],
  );
  await assert.rejects(
    names([
      { name: "a", data },
      { name: "./a", data: none },
    ]),
    /holds "a" twice/,
  );
  for (const name of ["./../a", "a/./../../b", "//a", "."])
    await assert.rejects(names([{ name, data }]), /unsafe filename/, name);
});

test("ranges of entries may touch but not overlap", () => {
  const ranges = createReadRanges();
  const cases: [index: number, start: number, end: number, fits: boolean][] = [
    [1, 100, 200, true],
    [2, 200, 300, true],
    [3, 0, 100, true],
    [1, 100, 200, true],
    [4, 100, 200, false],
    [5, 150, 160, false],
    [6, 50, 350, false],
    [7, 299, 301, false],
    [8, 400, 400, true],
    [9, 350, 500, false],
    [10, 300, 400, true],
  ];
  for (const [index, start, end, fits] of cases) assert.equal(ranges.add(index, start, end), fits, `${start}-${end}`);
});
