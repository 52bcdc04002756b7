import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { FeedctlError } from "../../src/errors.ts";
import { keyProblem } from "../../src/lib/key.ts";
import { cpuTime } from "./cpu.ts";
import type { FuzzCase } from "../formats/fuzz/cases.ts";
import { createRandom, mutate } from "./fuzz.ts";

const MAX_MILLISECONDS = 2000;

/**
 * Reads one mutant and returns whether it was read. It may be refused as `invalid`; any other error is thrown with the
 * seed that reproduces it. The identity of a mutant that was read must be valid for the catalog and the store.
 */
export async function fuzzOnce(fuzzCase: FuzzCase, seed: number, directory: string): Promise<boolean> {
  const bytes = fuzzCase.wrap(mutate(fuzzCase.seed, createRandom(seed)));
  const file = path.join(directory, "mutant");
  writeFileSync(file, bytes);
  const started = cpuTime();
  const outcome = await fuzzCase.format
    .read({ path: file, size: bytes.length, name: fuzzCase.fileName })
    .catch((error: unknown) => error);
  const took = cpuTime() - started;
  const what = `${fuzzCase.name}, seed ${seed}`;
  assert.ok(took < MAX_MILLISECONDS, `${what}: took ${Math.round(took)} ms of processor time`);
  if (outcome instanceof FeedctlError && outcome.code === "invalid") {
    assert.doesNotMatch(outcome.message, /\n/, what);
    return false;
  }
  if (outcome instanceof Error) throw new Error(`${what}: ${outcome.stack}`, { cause: outcome });
  const identity = outcome as Awaited<ReturnType<FuzzCase["format"]["read"]>>;
  assert.equal(keyProblem(identity.key), undefined, `${what}: key ${JSON.stringify(identity.key)}`);
  assert.ok(identity.nameKey !== "" && identity.normalizedVersion !== "" && identity.sortKey.length > 0, what);
  assert.ok(Buffer.byteLength(JSON.stringify(identity.metadata)) <= 64 * 1024, what);
  return true;
}
