import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { bunzip2, Bzip2Error } from "../../../../src/lib/archives/bzip2/bzip2.ts";
import { someBytes } from "../../../support/bytes.ts";
import { bzip2, createBitWriter } from "../../../support/fixtures/bzip2.ts";
import { createRandom, mutate } from "../../../support/fuzz.ts";

const noTool = spawnSync("bzip2", ["--version"], { input: "" }).status === 0 ? false : "no bzip2 on this machine";

/** The output of the bzip2 program. Undefined: it refuses the input. */
function tool(input: Buffer, ...options: string[]): Buffer | undefined {
  const { status, stdout } = spawnSync("bzip2", ["-q", ...options], { input, maxBuffer: 1 << 30 });
  return status === 0 ? stdout : undefined;
}

async function* inPieces(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function unpack(bytes: Buffer, size = 64 * 1024): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of bunzip2(inPieces(bytes, size)).chunks) chunks.push(chunk);
  return Buffer.concat(chunks);
}

const source = Buffer.concat(
  readdirSync(path.join(import.meta.dirname, ".."), { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(path.join(import.meta.dirname, "..", entry.name))),
);
const contents: [name: string, bytes: Buffer][] = [
  ["nothing", Buffer.alloc(0)],
  ["one byte", Buffer.from("a")],
  ["runs of every length", Buffer.concat(Array.from({ length: 600 }, (_, i) => Buffer.alloc(i, i)))],
  ["text", source],
  ["bytes without pattern, several blocks", someBytes(2_000_000)],
  ["a long run", Buffer.alloc(3_000_000, 7)],
];
for (const [name, bytes] of contents) {
  for (const level of ["-1", "-9"]) {
    test(`${name}, packed by bzip2 ${level}, comes back`, { skip: noTool }, async () => {
      const packed = tool(bytes, level)!;
      assert.ok((await unpack(packed)).equals(bytes));
      assert.ok((await unpack(packed, 1009)).equals(bytes));
    });
  }
}

test("the test's own packer and bzip2 agree", { skip: noTool }, async () => {
  for (const bytes of [Buffer.alloc(0), Buffer.from("banana"), Buffer.alloc(2000, 1), source.subarray(0, 20_000)]) {
    assert.ok(tool(bzip2(bytes), "-d")!.equals(bytes));
    assert.ok((await unpack(bzip2(bytes))).equals(bytes));
  }
});

test("concatenated streams are read as one; other data after the end is refused", async () => {
  const [a, b] = [bzip2(Buffer.from("first ")), bzip2(Buffer.from("second"))];
  assert.equal((await unpack(Buffer.concat([a, bzip2(Buffer.alloc(0)), b]))).toString(), "first second");
  await assert.rejects(unpack(Buffer.concat([a, Buffer.from("x")])), { name: "Bzip2Error", message: /data follows/ });
  await assert.rejects(unpack(Buffer.from("BZ")), { name: "Bzip2Error", message: /not bzip2 data/ });
});

test("every truncation is detected", async () => {
  const packed = bzip2(Buffer.from("some text to be cut"));
  for (let end = 0; end < packed.length; end++) {
    await assert.rejects(unpack(packed.subarray(0, end)), { name: "Bzip2Error" }, `cut at ${end}`);
  }
});

test("damaged data gives the original bytes or is refused", async () => {
  const bytes = source.subarray(0, 3000);
  const packed = bzip2(bytes);
  let refused = 0;
  for (let seed = 1; seed <= 300; seed++) {
    const outcome = await unpack(mutate(packed, createRandom(seed))).catch((error: unknown) => error);
    if (outcome instanceof Bzip2Error) refused++;
    else assert.ok(Buffer.isBuffer(outcome) && outcome.equals(bytes), `seed ${seed}: ${String(outcome)}`);
  }
  assert.ok(refused > 250, `${refused} refused`);
});

test("a block of a few bytes that unpacks to megabytes is yielded in chunks", async () => {
  // The block of zeros that bzip2 writes, built by hand: 900,000 bytes before the runs are expanded.
  const bits = createBitWriter();
  for (const [value, count] of [
    [0x425a6839, 32],
    [0x314159, 24],
    [0x265359, 24],
    [0, 32],
    [0, 1],
    [0, 24],
    [0x8000, 16],
    [0x8000, 16],
    [2, 3],
    [1, 15],
    [0, 1],
  ] as const)
    bits.put(value, count);
  // Codes 0, 10 and 11; then a run of 2^19 - 1 zeros.
  for (let code = 0; code < 2; code++)
    for (const [value, count] of [
      [1, 5],
      [0, 1],
      [4, 3],
      [0, 1],
    ] as const)
      bits.put(value, count);
  bits.put(0, 19);
  bits.put(3, 2);
  const packed = Buffer.concat([bits.bytes(), Buffer.alloc(20)]);
  let largest = 0;
  let total = 0;
  const bunzip = bunzip2(inPieces(packed, 10));
  await assert.rejects(
    async () => {
      for await (const chunk of bunzip.chunks) {
        largest = Math.max(largest, chunk.length);
        total += chunk.length;
      }
    },
    { name: "Bzip2Error", message: /checksum of a block/ },
  );
  // A count of 0 follows every four zeros. The last chunk is held back until the checksum is verified.
  assert.equal(total, 6 * 64 * 1024);
  assert.equal(largest, 64 * 1024);
  assert.ok(bunzip.used() < 70);
});

test("a consumer that stops early closes the source", async () => {
  let closed = false;
  const packed = bzip2(Buffer.from("again"));
  async function* forever() {
    try {
      for (;;) yield packed;
    } finally {
      closed = true;
    }
  }
  for await (const chunk of bunzip2(forever()).chunks) {
    assert.equal(chunk.toString(), "again");
    break;
  }
  assert.equal(closed, true);
});
