import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test, type TestContext } from "node:test";
import { attempts, firstSeed } from "../../support/effort.ts";
import { fuzzOnce } from "../../support/fuzz-run.ts";
import { nuget } from "../../../src/formats/nuget/format.ts";
import { packageFileAt } from "../../support/package-file.ts";
import { noShared, samplePath } from "../../support/shared.ts";
import { fuzzCases, type FuzzCase } from "./cases.ts";

const MUTANTS = attempts(40);

async function fuzz(fuzzCase: FuzzCase, directory: string): Promise<void> {
  const sound = path.join(directory, fuzzCase.fileName);
  writeFileSync(sound, fuzzCase.wrap(fuzzCase.seed));
  await fuzzCase.format.read(packageFileAt(sound));
  let read = 0;
  const first = firstSeed(1);
  for (let seed = first; seed < first + MUTANTS; seed++) if (await fuzzOnce(fuzzCase, seed, directory)) read++;
  assert.ok(read < MUTANTS, "no injury hit anything");
}

function temporaryDirectory(t: TestContext): string {
  const directory = mkdtempSync(path.join(tmpdir(), "feedctl-fuzz-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

for (const fuzzCase of fuzzCases) {
  test(`${MUTANTS} mutants of one ${fuzzCase.name} are read or refused, and nothing else`, async (t) => {
    await fuzz(fuzzCase, temporaryDirectory(t));
  });
}

test(
  `${MUTANTS} injured copies of a real package are read or refused, and nothing else`,
  { skip: noShared },
  async (t) => {
    const fileName = "PackageWithDoubleBackwardSlash.1.0.0.nupkg";
    const seed = readFileSync(samplePath("nuget", fileName));
    await fuzz({ name: fileName, format: nuget, fileName, seed, wrap: (mutant) => mutant }, temporaryDirectory(t));
  },
);
