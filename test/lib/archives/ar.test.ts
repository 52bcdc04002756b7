import assert from "node:assert/strict";
import { test } from "node:test";
import { ArError, readAr, type ArMember } from "../../../src/lib/archives/ar.ts";
import { arArchive } from "../../support/fixtures/deb.ts";

async function list(bytes: Buffer, size = bytes.length): Promise<ArMember[]> {
  const members: ArMember[] = [];
  const read = async (offset: number, length: number) => bytes.subarray(offset, offset + length);
  for await (const member of readAr(read, size)) members.push(member);
  return members;
}

test("members are listed with their offsets, after padding, without GNU's slash", async () => {
  const archive = arArchive([
    { name: "a/", body: "one" },
    { name: "b.txt", body: "four" },
    { name: "empty", body: "" },
  ]);
  const members = await list(archive);
  assert.deepEqual(members, [
    { name: "a", size: 3, offset: 68 },
    { name: "b.txt", size: 4, offset: 132 },
    { name: "empty", size: 0, offset: 196 },
  ]);
  assert.equal(archive.toString("latin1", 132, 136), "four");
});

test("an archive without members and one without the last padding are read", async () => {
  assert.deepEqual(await list(Buffer.from("!<arch>\n")), []);
  assert.equal((await list(arArchive([{ name: "a", body: "one" }]).subarray(0, -1))).length, 1);
});

const good = arArchive([
  { name: "a", body: "one" },
  { name: "b", body: "four" },
]);
const rejected: { name: string; bytes: Buffer; reason: RegExp }[] = [
  { name: "nothing", bytes: Buffer.alloc(0), reason: /is not an ar archive/ },
  { name: "another magic", bytes: Buffer.from("!<thin>\n"), reason: /is not an ar archive/ },
  { name: "a cut header", bytes: good.subarray(0, 30), reason: /ends inside a header/ },
  { name: "a cut body", bytes: good.subarray(0, -1), reason: /ends inside "b"/ },
  { name: "data after the end", bytes: Buffer.concat([good, Buffer.from("x")]), reason: /ends inside a header/ },
  { name: "a header without its end", bytes: Buffer.from(good).fill("x", 66, 68), reason: /malformed/ },
  { name: "other padding", bytes: Buffer.from(good).fill("x", 71, 72), reason: /padding/ },
  { name: "a negative size", bytes: arArchive([{ name: "a", body: "", size: -1 }]), reason: /no size/ },
  { name: "a size beyond the file", bytes: arArchive([{ name: "a", body: "", size: 9e9 }]), reason: /ends inside "a"/ },
  { name: "GNU long names", bytes: arArchive([{ name: "//", body: "x" }]), reason: /long names/ },
  { name: "BSD long names", bytes: arArchive([{ name: "#1/20", body: "x" }]), reason: /long names/ },
];
for (const { name, bytes, reason } of rejected) {
  test(`${name} is refused`, async () => {
    await assert.rejects(list(bytes), (error) => error instanceof ArError && reason.test(error.message));
  });
}
