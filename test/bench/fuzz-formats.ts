// Fuzzes the package readers with damaged packages: node test/bench/fuzz-formats.ts [seed] [seconds]. A finding prints
// the
// case and the seed that reproduces it, and exits 1.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fuzzCases } from "../formats/fuzz/cases.ts";
import { fuzzOnce } from "../support/fuzz-run.ts";

const first = Number(process.argv[2] ?? 1000);
const seconds = Number(process.argv[3] ?? 60);
const directory = mkdtempSync(path.join(tmpdir(), "feedctl-fuzz-"));
const until = performance.now() + seconds * 1000;
const counts = new Map(fuzzCases.map(({ name }) => [name, { mutants: 0, read: 0 }]));
let findings = 0;
try {
  for (let seed = first; performance.now() < until; seed++) {
    for (const fuzzCase of fuzzCases) {
      const count = counts.get(fuzzCase.name)!;
      count.mutants++;
      try {
        if (await fuzzOnce(fuzzCase, seed, directory)) count.read++;
      } catch (error) {
        findings++;
        console.log(`FOUND ${(error as Error).message}`);
      }
    }
  }
} finally {
  rmSync(directory, { recursive: true, force: true });
}
for (const [name, { mutants, read }] of counts) console.log(`${name}: ${mutants} mutants, ${read} read`);
process.exitCode = findings > 0 ? 1 : 0;
