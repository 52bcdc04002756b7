import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { openSync, closeSync } from "node:fs";
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { freshBuild, repository } from "./build.ts";
import { parseDocPage, withOutputs, type DocPage } from "./doc-page.ts";
import { binary, isolation, sandbox, type Sandbox } from "./feedctl.ts";
import { matches, toTokens } from "./transcript-tokens.ts";

/** The path that pages have instead of the sandbox's directory. */
const SHOWN_DIRECTORY = "/srv";

export interface SessionOptions {
  env: Record<string, string>;
  /** Text of the page, and its value in this run, such as the URL of a server. */
  places: ReadonlyMap<string, string>;
}

/** Between the output of a command and that of the next. */
const MARK = "=== end of command, status ";

interface Outcome {
  readonly status: number;
  readonly output: readonly string[];
}

/**
 * Runs the commands of a page of docs/ in one shell and a sandbox, and compares the output, as a terminal would show
 * it, with the page. With UPDATE_TRANSCRIPTS=1 the page is rewritten instead.
 */
export async function checkDocPage(file: string, options: SessionOptions): Promise<void> {
  const text = await readFile(file, "utf8");
  const page = parseDocPage(text);
  const outcomes = await runSession(page, options);
  checkStatuses(page, outcomes);
  const actual = withOutputs(
    page,
    outcomes.map(({ output }, index) => inPageWords(page, index, output)),
  );
  if (process.env["UPDATE_TRANSCRIPTS"] !== "1") return assert.equal(actual, text);
  assert.ok(!process.env["CI"], "a page is not updated in CI");
  if (actual !== text) await writeFile(file, actual);
}

/** A reader must see that a command fails: the next command of the page is `echo $?`. */
function checkStatuses({ steps }: DocPage, outcomes: readonly Outcome[]): void {
  for (const [index, { status, output }] of outcomes.entries()) {
    const asked = steps[index]?.shown === true && steps[index + 1]?.command === "echo $?";
    if (!asked) assert.equal(status, 0, `${steps[index]?.command} ended with ${status}:\n${output.join("\n")}`);
  }
}

/** Lines of the page that differ from the output only in their order, times, dates, rates and UUIDs stay as they are. */
function inPageWords({ lines, steps }: DocPage, index: number, output: readonly string[]): string[] {
  const { from = 0, to = 0 } = steps[index] ?? {};
  const expected = lines.slice(from, to);
  if (isSameInAnyOrder(expected, output)) return expected;
  return output.map((line, at) => {
    const wanted = expected[at];
    return wanted !== undefined && matches(tokens(wanted), tokens(line)) ? wanted : line;
  });
}

/** Items that feedctl processes concurrently are reported in any order. */
function isSameInAnyOrder(expected: readonly string[], output: readonly string[]): boolean {
  const rest = output.map(tokens);
  for (const line of expected.map(tokens)) {
    const at = rest.findIndex((other) => matches(line, other));
    if (at < 0) return false;
    rest.splice(at, 1);
  }
  return rest.length === 0;
}

function tokens(line: string): string {
  return toTokens(line, SHOWN_DIRECTORY);
}

async function runSession(page: DocPage, { env, places }: SessionOptions): Promise<Outcome[]> {
  await using place = await sandbox();
  await installCommands(place);
  const shown = new Map([...places, [SHOWN_DIRECTORY, place.directory]]);
  const script = page.steps.map(({ command }) => stepScript(replaceAll(command, shown)));
  await writeFile(place.path(".session"), script.join(""));
  const output = place.path(".output");
  const file = openSync(output, "a");
  const child = spawn("/bin/sh", [place.path(".session")], {
    cwd: place.directory,
    env: { ...isolation(place.directory), PATH: `${place.path(".bin")}:${process.env["PATH"]}`, ...env },
    stdio: ["ignore", file, file],
    timeout: 240_000,
  });
  closeSync(file);
  const [code, signal] = (await once(child, "close")) as [number | null, string | null];
  const text = replaceAll(await readFile(output, "utf8"), inReverse(shown));
  const outcomes = readOutcomes(text);
  assert.equal(outcomes.length, page.steps.length, `the session ended early (${signal ?? code}):\n${text}`);
  return outcomes;
}

/** Runs one command, then marks the end of its output, and restores `$?`. */
function stepScript(command: string): string {
  return `${command}\nstatus_=$?\nprintf '${MARK}%s\\n' "$status_"\n(exit "$status_")\n`;
}

function readOutcomes(text: string): Outcome[] {
  const [, ...parts] = text.split(MARK);
  const outputs = text.split(new RegExp(`${MARK}\\d+\\n`));
  return parts.map((part, index) => {
    const output = outputs[index] ?? "";
    return { status: parseInt(part, 10), output: output === "" ? [] : output.replace(/\n$/, "").split("\n") };
  });
}

/** feedctl names a server by host and port, and 127.0.0.1 as localhost. */
function inReverse(places: ReadonlyMap<string, string>): Map<string, string> {
  const result = new Map<string, string>();
  for (const [written, actual] of places) {
    result.set(actual, written);
    if (!URL.canParse(actual)) continue;
    result.set(new URL(actual).host, new URL(written).host);
    result.set(`localhost:${new URL(actual).port}`, new URL(written).host);
  }
  return result;
}

function replaceAll(text: string, replacements: ReadonlyMap<string, string>): string {
  let result = text;
  for (const [from, to] of replacements)
    result = result.replaceAll(new RegExp(`(?<![\\w.])${RegExp.escape(from)}(?![\\w.-])`, "g"), to);
  return result;
}

/** Installs `feedctl`, and the command with which the hidden steps of a page make packages. */
async function installCommands(place: Sandbox): Promise<void> {
  await freshBuild();
  await mkdir(place.path(".bin"));
  const maker = join(repository, "test", "support", "make-package.ts");
  for (const [name, program] of [
    ["feedctl", binary],
    ["make-package", maker],
  ] as const) {
    const file = place.path(".bin", name);
    await writeFile(file, `#!/bin/sh\nexec "${process.execPath}" "${program}" "$@"\n`);
    await chmod(file, 0o755);
  }
}
