import { stripVTControlCharacters, styleText } from "node:util";
import type { FileResult, TestResult } from "./run-file.ts";

export interface Totals {
  passed: number;
  failed: number;
  skipped: number;
}

type Print = (line: string) => void;

const shown = 10;

/** One line for the file; below it what failed, with what the file printed. `verbose`: all its tests, and its output. */
export function reportFile(result: FileResult, verbose: boolean, print: Print): void {
  const { passed, failed, skipped } = countTests(result.tests);
  const bad = isBad(result);
  const counts = [
    `${passed + failed + skipped} tests`,
    ...(failed > 0 ? [`${failed} failed`] : []),
    ...(skipped > 0 ? [`${skipped} skipped`] : []),
  ];
  print(`${mark(bad ? "failed" : "passed")} ${result.file}  ${counts.join(", ")}  ${seconds(result.milliseconds)}`);
  if (verbose)
    for (const test of result.tests) {
      const reason = test.reason === undefined ? "" : ` # ${test.reason}`;
      print(`    ${mark(test.outcome)} ${test.name}  ${seconds(test.milliseconds)}${reason}`);
    }
  for (const test of result.tests)
    if (test.outcome === "failed") {
      print(`\n  ${mark("failed")} ${test.name}`);
      print(indent(test.error ?? "", 4));
    }
  if (result.problem !== undefined) print(`\n  ${mark("failed")} ${result.file} ${result.problem}`);
  const output = stripVTControlCharacters(result.output).trimEnd();
  if ((bad || verbose) && output !== "") print(`\n  what it printed:\n${indent(output, 4)}`);
  if (bad) print("");
}

/** Skipped tests by reason, the slowest, the failed ones once more, and the totals as the last line. */
export function reportSummary(results: readonly FileResult[], servers: readonly string[], print: Print): void {
  const tests = results.flatMap(({ file, tests: own }) => own.map((test) => ({ ...test, file })));
  const reasons = Map.groupBy(
    tests.filter(({ outcome }) => outcome === "skipped"),
    ({ reason }) => reason ?? "",
  );
  section(
    "skipped",
    [...reasons].toSorted(([, a], [, b]) => b.length - a.length),
    print,
    ([reason, group]) => {
      return `${String(group.length).padStart(6)}  ${reason}`;
    },
  );
  const line = (name: string, milliseconds: number) => `${seconds(milliseconds).padStart(10)}  ${name}`;
  if (results.length > 1)
    section("slowest files", slowest(results), print, ({ file, milliseconds }) => line(file, milliseconds));
  section("slowest tests", slowest(tests), print, ({ file, name, milliseconds }) =>
    line(`${file}: ${name}`, milliseconds),
  );
  section("servers", servers, print, (server) => `  ${server}`);
  const failed = tests
    .filter(({ outcome }) => outcome === "failed")
    .map(({ file, name, error = "" }) => [`${file}: ${name}`, indent(beginning(error), 6)].join("\n"));
  const broken = results.flatMap(({ file, problem }) => (problem === undefined ? [] : [`${file} ${problem}`]));
  section("failed", [...failed, ...broken], print, (name) => `  ${mark("failed")} ${name}`);
  const totals = totalsOf(results);
  print(`\n${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped`);
}

/** A file that crashed, hung or held no test counts as one failure. */
export function totalsOf(results: readonly FileResult[]): Totals {
  const totals = countTests(results.flatMap(({ tests }) => tests));
  return { ...totals, failed: totals.failed + results.filter(({ problem }) => problem !== undefined).length };
}

function countTests(tests: readonly TestResult[]): Totals {
  const count = (outcome: TestResult["outcome"]) => tests.filter((test) => test.outcome === outcome).length;
  return { passed: count("passed"), failed: count("failed"), skipped: count("skipped") };
}

function isBad(result: FileResult): boolean {
  return result.problem !== undefined || result.tests.some(({ outcome }) => outcome === "failed");
}

function section<Item>(title: string, items: readonly Item[], print: Print, line: (item: Item) => string): void {
  if (items.length === 0) return;
  print(`\n${title}`);
  for (const item of items) print(line(item));
}

function slowest<Timed extends { milliseconds: number }>(all: readonly Timed[]): Timed[] {
  return all.toSorted((a, b) => b.milliseconds - a.milliseconds).slice(0, shown);
}

function mark(outcome: TestResult["outcome"]): string {
  if (outcome === "passed") return styleText("green", "✔");
  return outcome === "failed" ? styleText("red", "✖") : styleText("yellow", "-");
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}

/** As much of an error as a reader of the last screen needs; all of it stands where its file was reported. */
function beginning(error: string): string {
  return error.split("\n", 12).join("\n").slice(0, 1500);
}

function indent(text: string, width: number): string {
  return text.replaceAll(/^(?=.)/gm, " ".repeat(width));
}
