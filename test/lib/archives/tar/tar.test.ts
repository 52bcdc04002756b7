import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { readTar } from "../../../../src/lib/archives/tar/read.ts";
import { someBytes } from "../../../support/bytes.ts";
import { paxRecord, tarArchive, type TarMember } from "../../../support/fixtures/tar.ts";

const limits = { maxEntries: 100, maxExtension: 10_000 };

async function* inPieces(archive: Buffer, chunk = 700): AsyncGenerator<Buffer, void> {
  for (let at = 0; at < archive.length; at += chunk) yield archive.subarray(at, at + chunk);
}

/** Name, type and body of every entry; the archive arrives in pieces of `chunk` bytes. */
async function list(archive: Buffer, chunk = 700): Promise<string[]> {
  const seen: string[] = [];
  for await (const entry of readTar(inPieces(archive, chunk), limits)) {
    const body = entry.type === "file" ? `=${(await entry.read(10_000)).toString()}` : "";
    seen.push(`${entry.type} ${entry.name}${entry.linkName === "" ? "" : `>${entry.linkName}`}${body}`);
  }
  return seen;
}

const longPath = `${"d/".repeat(90)}file.txt`;

test("files, directories and links are listed in order, however the archive is split into chunks", async () => {
  const archive = tarArchive([
    { name: "a/" },
    { name: "a/file", body: "x".repeat(513) },
    { name: "a/empty" },
    { name: "a/link", flag: "2", linkName: "file" },
    { name: "a/hard", flag: "1", linkName: "a/file" },
    { name: "a/pipe", flag: "6" },
    { name: longPath, body: "long" },
  ]);
  const expected = [
    "directory a/",
    `file a/file=${"x".repeat(513)}`,
    "file a/empty=",
    "symlink a/link>file",
    "hardlink a/hard>a/file",
    "other a/pipe",
    `file ${longPath}=long`,
  ];
  for (const chunk of [1, 511, 512, 513, 100_000]) assert.deepEqual(await list(archive, chunk), expected);
});

test("bodies that are not read are skipped", async () => {
  const seen: string[] = [];
  async function* source() {
    yield tarArchive([
      { name: "a", body: "x".repeat(5000) },
      { name: "b", body: "y" },
    ]);
  }
  for await (const entry of readTar(source(), limits)) seen.push(entry.name);
  assert.deepEqual(seen, ["a", "b"]);
});

test("a body can be read in chunks, in part, or as a whole", async () => {
  const body = someBytes(200_000);
  const archive = tarArchive(["a", "b", "c"].map((name) => ({ name, body })));
  const taken: Record<string, Buffer> = {};
  for await (const entry of readTar(inPieces(archive), limits)) {
    if (entry.name === "b") {
      for await (const chunk of entry.chunks()) {
        taken["b"] = chunk;
        break;
      }
      continue;
    }
    const chunks: Buffer[] = [];
    for await (const chunk of entry.chunks()) chunks.push(chunk);
    taken[entry.name] = Buffer.concat(chunks);
  }
  assert.ok(taken["a"]!.equals(body) && taken["c"]!.equals(body));
  assert.ok(taken["b"]!.length < body.length && body.subarray(0, taken["b"]!.length).equals(taken["b"]!));
  await assert.rejects(
    async () => {
      for await (const entry of readTar(inPieces(archive.subarray(0, 100_000)), limits))
        for await (const chunk of entry.chunks()) assert.ok(chunk.length > 0);
    },
    { name: "TarError", message: /ends inside "a"/ },
  );
});

test("a consumer that stops early closes the source", async () => {
  let closed = false;
  async function* source() {
    try {
      for (;;) yield tarArchive([{ name: "a" }], { endMarker: false });
    } finally {
      closed = true;
    }
  }
  for await (const entry of readTar(source(), limits)) {
    assert.equal(entry.name, "a");
    break;
  }
  assert.equal(closed, true);
});

for (const format of ["v7", "ustar", "gnu", "oldgnu", "pax"]) {
  test(`an archive that tar wrote as ${format} is read as tar lists it`, async (t) => {
    const version = (() => {
      try {
        return execFileSync("tar", ["--version"], { encoding: "utf8" });
      } catch {
        return "";
      }
    })();
    if (!version.includes("GNU tar")) return t.skip("no GNU tar on this machine");
    const directory = mkdtempSync(path.join(tmpdir(), "feedctl-tar-"));
    t.after(() => rmSync(directory, { recursive: true, force: true }));
    // v7 does not support long names.
    const deep = format === "v7" ? "top/sub" : `top/${"sub-directory-with-a-name/".repeat(5)}`;
    mkdirSync(path.join(directory, deep), { recursive: true });
    writeFileSync(path.join(directory, deep, "file.txt"), "hello");
    if (format === "gnu" || format === "pax") writeFileSync(path.join(directory, deep, `${"n".repeat(200)}-ä`), "long");
    const archive = execFileSync("tar", ["--format", format, "-cf", "-", "top"], { cwd: directory });
    const listed = execFileSync("tar", ["--quoting-style=literal", "-tf", "-"], { input: archive, encoding: "utf8" })
      .trim()
      .split("\n");
    const seen = await list(archive);
    assert.deepEqual(
      seen.map((line) => line.replace(/^\w+ |=.*$/g, "")),
      listed,
    );
    assert.ok(seen.some((line) => line.endsWith("file.txt=hello")));
    return undefined;
  });
}

test("sizes in base 256 and in pax headers count", async () => {
  const size = Buffer.alloc(12);
  size[0] = 0x80;
  size[11] = 3;
  assert.deepEqual(await list(tarArchive([{ name: "a", body: "abc", size }, { name: "b" }])), [
    "file a=abc",
    "file b=",
  ]);
  const pax: TarMember = { name: "p", flag: "x", body: paxRecord("size", "3") };
  assert.deepEqual(await list(tarArchive([pax, { name: "a", body: "abc", size: 0 }, { name: "b" }])), [
    "file a=abc",
    "file b=",
  ]);
});

test("a pax size is for the next file, not for a long name between the two", async () => {
  const archive = tarArchive([
    { name: "p", flag: "x", body: paxRecord("size", "1024") },
    { name: "././@LongLink", flag: "L", body: "real-name\0" },
    { name: "short", body: "x".repeat(1024), size: 0 },
    { name: "after" },
  ]);
  assert.deepEqual(await list(archive), [`file real-name=${"x".repeat(1024)}`, "file after="]);
});

test("an archive without an end marker and one that is empty are read to their end", async () => {
  assert.deepEqual(await list(tarArchive([{ name: "a", body: "b" }], { endMarker: false })), ["file a=b"]);
  assert.deepEqual(await list(tarArchive([])), []);
  assert.deepEqual(await list(Buffer.alloc(0)), []);
});

const file: TarMember = { name: "a", body: "abc" };
test("sparse files are entries whose content is not read, as GNU tar and Python write them", async () => {
  const old = Buffer.from(tarArchive([{ name: "old", body: "x".repeat(700), flag: "S" }]));
  assert.deepEqual(await list(Buffer.concat([continued(old.subarray(0, 512)), old.subarray(512)])), [
    "sparse file old",
  ]);
  const pax = tarArchive([
    {
      name: "p",
      flag: "x",
      body: Buffer.concat([paxRecord("GNU.sparse.major", "1"), paxRecord("GNU.sparse.name", "dir/new")]),
    },
    { name: "dir/GNUSparseFile.7/new", body: "1\n0\n3\n" },
  ]);
  assert.deepEqual(await list(pax), ["sparse file dir/new"]);
});

/** The header of an old sparse file, followed by two blocks with more of its map. */
function continued(header: Buffer): Buffer {
  const first = Buffer.from(header);
  first[482] = 1;
  first.write("        ", 148);
  const sum = first.reduce((total, byte) => total + byte, 0);
  first.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  const more = Buffer.alloc(512, 0x30);
  const last = Buffer.alloc(512, 0x30);
  last[504] = 0;
  return Buffer.concat([first, more, last]);
}

test("extension headers do not count as entries", async () => {
  const members = Array.from({ length: 60 }, (_, n) => [
    { name: "p", flag: "x", body: paxRecord("path", `long ${n}`) },
    { name: "short" },
  ]);
  assert.equal((await list(tarArchive(members.flat()))).length, 60);
});

const negative = Buffer.alloc(12, 0xff);
const rejected: [name: string, archive: Buffer, reason: RegExp][] = [
  ["a wrong checksum", tarArchive([{ ...file, badChecksum: true }]), /checksum/],
  ["a size in base 256 below zero", tarArchive([{ ...file, size: negative }]), /negative/],
  ["a size beyond 2^53", tarArchive([{ ...file, size: Buffer.from([0x80, ...Array(11).fill(0xff)]) }]), /impossible/],
  ["a size that is not a number", tarArchive([{ ...file, size: Buffer.from("-0000000001\0") }]), /not octal/],
  ["a size beyond the archive", tarArchive([{ ...file, size: 5000 }]), /ends inside "a"/],
  ["an archive cut in a header", tarArchive([file]).subarray(0, 300), /ends inside a header/],
  ["an archive cut in a body", tarArchive([file]).subarray(0, 600), /ends inside "a"/],
  ["files after the end marker", Buffer.concat([tarArchive([file]), tarArchive([{ name: "b" }])]), /data follows/],
  ["files after a single empty block", Buffer.concat([Buffer.alloc(512), tarArchive([file])]), /data follows/],
  [
    "a malformed pax header",
    tarArchive([{ name: "p", flag: "x", body: "99 path=b\n" }, file]),
    /pax header is malformed/,
  ],
  [
    "a pax record of no length",
    tarArchive([{ name: "p", flag: "x", body: "0 path=b\n" }, file]),
    /pax header is malformed/,
  ],
  ["a pax path with NUL", tarArchive([{ name: "p", flag: "x", body: paxRecord("path", "a\0b") }, file]), /NUL/],
  [
    "a pax size below zero",
    tarArchive([{ name: "p", flag: "x", body: paxRecord("size", "-1") }, file]),
    /impossible size/,
  ],
  [
    "a path for every entry",
    tarArchive([{ name: "g", flag: "g", body: paxRecord("path", "b") }, file]),
    /global pax header/,
  ],
  [
    "an extension beyond the limit",
    tarArchive([{ name: "p", flag: "x", body: paxRecord("comment", "x".repeat(11_000)) }, file]),
    /extension header has \d+ bytes/,
  ],
  [
    "an extension of nothing",
    tarArchive([{ name: "p", flag: "L", body: "b" }], { endMarker: false }),
    /ends after an extension/,
  ],
  [
    "a sparse file with two names",
    tarArchive([{ name: "p", flag: "x", body: paxRecord("GNU.sparse.name", "b") }, file]),
    /the sparse file "b" has another name, "a"/,
  ],
  [
    "a sparse size for every entry",
    tarArchive([{ name: "p", flag: "g", body: paxRecord("GNU.sparse.size", "1") }, file]),
    /global pax header/,
  ],
  ["a link with a body", tarArchive([{ ...file, flag: "2", linkName: "b" }]), /has a body/],
  ["more entries than allowed", tarArchive(Array.from({ length: 101 }, () => file)), /more than 100 entries/],
  [
    "a chain of extensions",
    tarArchive(Array.from({ length: 17 }, () => ({ name: "l", flag: "L", body: "b" }))),
    /more than 16 extension headers/,
  ],
];
for (const [name, archive, reason] of rejected) {
  test(`${name} is refused`, async () => {
    await assert.rejects(list(archive), { name: "TarError", message: reason });
  });
}
