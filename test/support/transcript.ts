import assert from "node:assert/strict";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { checkJson } from "./check-json.ts";
import { npmTarball, nupkg } from "./fixtures/packages.ts";
import { isolation, sandbox, type Sandbox } from "./feedctl.ts";
import { runHere } from "./in-process.ts";
import { fromTokens, matches, toTokens } from "./transcript-tokens.ts";
import { isBlobName } from "./store-files.ts";

/** A command of a transcript, with the lines that belong to it. The format is explained in test/README.md. */
interface Command {
  text: string;
  input: string[];
  expected: string[];
}

/** A line that is kept as it is: a comment, an empty line, or an environment line. */
type Entry = string | Command;

export interface TranscriptOptions {
  /** Creates a database for a transcript that asks for one; without it, all use the embedded catalog. */
  createCatalog?: (() => Promise<string>) | undefined;
  /** Starts the real binary for each command, which takes ten times as long as running it inside this process. */
  processes?: boolean;
}

/**
 * Runs a transcript in a sandbox and compares the output with its lines. With UPDATE_TRANSCRIPTS=1 it is rewritten
 * instead; lines that still match stay as they are.
 */
export async function checkTranscript(file: string, options: TranscriptOptions = {}): Promise<void> {
  const text = await readFile(file, "utf8");
  const entries = parseTranscript(text);
  assert.ok(
    entries.some((entry) => typeof entry !== "string"),
    `${file} runs no command`,
  );
  const database = text.includes(DATABASE) ? await options.createCatalog?.() : undefined;
  const actual = await play(entries, database, options.processes ? inProcessOfItsOwn : inThisProcess);
  if (process.env["UPDATE_TRANSCRIPTS"] !== "1") return assert.equal(actual, text);
  assert.ok(!process.env["CI"], "a transcript is not updated in CI");
  if (actual !== text) await writeFile(file, actual);
}

export function parseTranscript(text: string): Entry[] {
  const entries: Entry[] = [];
  let command: Command | undefined;
  for (const line of text.split("\n").slice(0, -1)) {
    if (line.startsWith("$ ")) entries.push((command = { text: line.slice(2), input: [], expected: [] }));
    else if (line === "" || line.startsWith("# ") || line.startsWith("@ ")) {
      entries.push(line);
      command = undefined;
    } else if (command === undefined) throw new Error(`a line of the transcript does not belong to a command: ${line}`);
    else if (line.startsWith("< ")) command.input.push(line.slice(2));
    else command.expected.push(line);
  }
  return entries;
}

/** The words of a command line, quoted as in a POSIX shell; nothing is expanded. */
export function splitWords(text: string): string[] {
  const words: string[] = [];
  let rest = text.trim();
  while (rest !== "") {
    const found = /^(?:[^\s'"\\]|\\.|'[^']*'|"(?:[^"\\]|\\.)*")+/.exec(rest);
    if (found === null) throw new Error(`a quote is not closed: ${rest}`);
    const pieces = found[0].match(/\\.|'[^']*'|"(?:[^"\\]|\\.)*"|[^\s'"\\]+/g) ?? [];
    words.push(pieces.map(unquote).join(""));
    rest = rest.slice(found[0].length).trimStart();
  }
  return words;
}

function unquote(piece: string): string {
  if (piece.startsWith("'")) return piece.slice(1, -1);
  if (piece.startsWith('"')) return piece.slice(1, -1).replaceAll(/\\(["\\$`])/g, "$1");
  return piece.startsWith("\\") ? piece.slice(1) : piece;
}

/** In an environment line: an empty database on a server, if there is one. */
const DATABASE = "[DATABASE]";

type Run = typeof inThisProcess;

function inThisProcess(place: Sandbox, words: string[], env: Record<string, string>, input: string) {
  return runHere(words, { cwd: place.directory, env: { ...isolation(place.directory), ...env }, input });
}

const inProcessOfItsOwn: Run = (place, words, env, input) => place.feedctl(words, { env, input });

async function play(entries: readonly Entry[], database: string | undefined, run: Run): Promise<string> {
  await using place = await sandbox();
  const env: Record<string, string> = {};
  const output: string[] = [];
  for (const entry of entries) {
    if (typeof entry === "string") {
      output.push(entry);
      const [, name, value] = /^@ (\w+)=(.*)$/.exec(entry) ?? [];
      if (name !== undefined && value === DATABASE) {
        if (database !== undefined) env[name] = database;
      } else if (name !== undefined && value !== undefined) env[name] = fromTokens(value, place.directory);
      else if (entry.startsWith("@ ")) throw new Error(`not NAME=value: ${entry}`);
      continue;
    }
    const shown = await runCommand(entry, place, (words, input) => run(place, words, env, input));
    output.push(`$ ${entry.text}`, ...entry.input.map((line) => `< ${line}`), ...keepTokens(entry.expected, shown));
  }
  return `${output.join("\n")}\n`;
}

/** The output, with the transcript's line, and its tokens, wherever that matches. */
function keepTokens(expected: readonly string[], shown: readonly string[]): string[] {
  return shown.map((line, index) => {
    const wanted = expected[index];
    return wanted !== undefined && matches(wanted, line) ? wanted : line;
  });
}

async function runCommand(
  command: Command,
  place: Sandbox,
  run: (words: string[], input: string) => ReturnType<Run>,
): Promise<string[]> {
  const [program = "", ...words] = splitWords(command.text).map((word) => fromTokens(word, place.directory));
  if (program !== "feedctl") {
    const tool = tools[program];
    if (tool === undefined)
      throw new Error(`a transcript knows feedctl, ${Object.keys(tools).join(", ")}; not ${program}`);
    return escape(await tool(place, words));
  }
  const input = command.input.map((line) => `${line}\n`).join("");
  const { code, stdout, stderr } = await run(words, input);
  if (words.includes("--json")) checkJson(words, { stdout, stderr });
  const lines = (text: string) =>
    (text === "" ? [] : text.replace(/\n$/, "").split("\n")).map((line) => toTokens(line, place.directory));
  return [
    ...escape(lines(stdout)),
    ...lines(stderr).map((line) => `! ${line}`.trimEnd()),
    ...(code === 0 ? [] : [`? ${code}`]),
  ];
}

/** Puts a backslash before an empty line, or one that looks like a line of the transcript itself. */
function escape(lines: readonly string[]): string[] {
  return lines.map((line) => (line === "" || /^(?:[$#@!?<] |\\)/.test(line) ? `\\${line}` : line));
}

/** Commands of transcripts besides feedctl: they prepare files and show results. */
const tools: Record<string, (place: Sandbox, words: string[]) => Promise<string[]>> = {
  async write(place, [file = "", text = ""]) {
    await put(place, file, `${text}\n`);
    return [];
  },
  async "npm-package"(place, [file = "", name = "", version = "", text]) {
    await put(place, file, npmTarball({ name, version, ...(text !== undefined && { files: { "text.txt": text } }) }));
    return [];
  },
  async "nuget-package"(place, [file = "", id = "", version = ""]) {
    await put(place, file, nupkg({ id, version }));
    return [];
  },
  async remove(place, files) {
    for (const file of files) await rm(join(place.directory, file), { recursive: true });
    return [];
  },
  /** All files below a directory, sorted, without the markers of stores. */
  async files(place, [directory = "."]) {
    const entries = await readdir(join(place.directory, directory), { recursive: true, withFileTypes: true });
    const files = entries
      .filter((entry) => entry.isFile() && isBlobName(entry.name))
      .map((entry) => join(entry.parentPath, entry.name));
    return files.map((file) => file.slice(place.directory.length + 1)).toSorted();
  },
  async show(place, [file = ""]) {
    const text = await readFile(join(place.directory, file), "utf8");
    return text
      .replace(/\n$/, "")
      .split("\n")
      .map((line) => toTokens(line, place.directory));
  },
};

async function put(place: Sandbox, file: string, content: string | Uint8Array): Promise<void> {
  const path = join(place.directory, file);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, content);
}
