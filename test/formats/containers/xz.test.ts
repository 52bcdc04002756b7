import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { unxz as unxzUpTo } from "../../../src/formats/containers/xz.ts";
import { invalid } from "../../../src/formats/read-package.ts";

const text = "hello world\n".repeat(5000);
const noXz = spawnSync("xz", ["--version"]).status === 0 ? false : "xz is not installed";
const xz = (options: string[], input: string | Buffer = text): Buffer =>
  execFileSync("xz", ["-c", ...options], { input });

function unxz(bytes: Buffer, most: number): Promise<Buffer> {
  return unxzUpTo(bytes, most, () => invalid(`unpacks to more than ${most} bytes`));
}

for (const options of [["-6"], ["-9e"], ["--check=crc32"], ["--check=none"], ["--block-size=4096"]]) {
  test(`what xz ${options.join(" ")} makes is unpacked`, { skip: noXz }, async () => {
    assert.equal((await unxz(xz(options), text.length)).toString(), text);
  });
}

test("several streams are unpacked as one, also empty ones", { skip: noXz }, async () => {
  assert.equal((await unxz(Buffer.concat([xz([]), xz([])]), 2 * text.length)).toString(), text + text);
  assert.equal((await unxz(xz([], ""), 1)).length, 0);
  const noise = randomBytes(300_000);
  assert.deepEqual(await unxz(xz([], noise), noise.length), noise);
});

test("invalid data is refused with a reason, and later data is still unpacked", { skip: noXz }, async () => {
  const good = xz([]);
  const flipped = Buffer.from(good);
  flipped[40]! ^= 1;
  const table: [bytes: Buffer, reason: RegExp][] = [
    [Buffer.from("no xz data at all"), /it is not xz data/],
    [good.subarray(0, 60), /ends early/],
    [good.subarray(0, -1), /ends early/],
    [Buffer.concat([good, Buffer.from("x")]), /something follows/],
    [flipped, /damaged/],
    [xz(["--check=sha256"]), /not supported/],
    [xz(["--x86", "--lzma2"]), /not supported/],
    [xz(["--lzma2=dict=1GiB"], "x"), /more than 64 MiB of memory/],
    [xz([], Buffer.alloc(5_000_000)), /unpacks to more than 60000 bytes/],
  ];
  for (const [bytes, reason] of table) {
    await assert.rejects(unxz(bytes, text.length), { code: "invalid", message: reason });
    assert.equal((await unxz(good, text.length)).length, text.length, `after ${reason}`);
  }
});

test("concurrent calls are unpacked one after the other, also when some are refused", { skip: noXz }, async () => {
  const good = xz([]);
  const results = await Promise.allSettled(
    Array.from({ length: 30 }, (_, i) =>
      unxz(i % 3 === 0 ? good.subarray(0, 50) : good, i % 3 === 1 ? 10 : text.length),
    ),
  );
  assert.deepEqual(
    results.map(({ status }) => status === "fulfilled"),
    results.map((_, i) => i % 3 === 2),
  );
});
