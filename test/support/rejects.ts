import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import type { Format, ReadOptions } from "../../src/formats/format.ts";
import { cpuTime } from "./cpu.ts";
import { packageFile, packageFileAt } from "./package-file.ts";
import { readSampleManifest, samplePath } from "./shared.ts";

export interface Rejected {
  name: string;
  bytes: Buffer;
  reason: RegExp;
  /** Replaces the name of the table. */
  fileName?: string | undefined;
}

/**
 * Asserts that the file is refused as `invalid` with this reason, in one line, and in two seconds of processor time.
 */
export async function assertRejected(t: TestContext, format: Format, fileName: string, bytes: Buffer, reason: RegExp) {
  const file = packageFile(t, fileName, bytes);
  const started = cpuTime();
  await assert.rejects(format.read(file), (error: Error & { code?: string }) => {
    assert.equal(error.code, "invalid", error.stack);
    assert.ok(error.message.startsWith(`${fileName} is not a valid `) && !error.message.includes("\n"), error.message);
    assert.match(error.message, reason);
    return true;
  });
  assert.ok(cpuTime() - started < 2000);
}

/**
 * Asserts that each sample of a folder has the identity that an independent tool read, or is refused as by that tool.
 */
export async function assertSamples(format: Format, folder: string, options: SampleOptions): Promise<void> {
  const rows = readSampleManifest().filter(
    ([file]) => file!.startsWith(`${folder}/`) && options.skip?.(file!) !== true,
  );
  assert.equal(rows.length, options.count);
  for (const [file, , , name, version, qualifier] of rows) {
    const read = format.read(packageFileAt(samplePath(file!)), options.read);
    if (name === "") await assert.rejects(read, { code: "invalid" }, file);
    else {
      const identity = await read;
      assert.deepEqual([identity.name, identity.version], [name, version], file);
      if (qualifier !== "") assert.equal(new URLSearchParams(identity.qualifier).get("arch"), qualifier, file);
    }
  }
}

export interface SampleOptions {
  /** How many samples there are, to detect missing ones. */
  count: number;
  skip?: ((file: string) => boolean) | undefined;
  read?: ReadOptions | undefined;
}
