// A name may hold line feeds, terminal sequences and invisible characters. No command prints them as they are: they would
// forge lines of a log, or look like another name.
import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { test } from "node:test";
import type { CommandUnknownOpts } from "commander";
import type { Edge } from "../../src/cli/frame/edge.ts";
import { createProgram } from "../../src/cli/program.ts";
import { repository } from "../support/build.ts";
import { type Installation, onDatabases } from "../support/databases.ts";
import type { FeedctlResult } from "../support/feedctl.ts";

const HOSTILE = "x\nFORGED\u202e\u200b\u00a0\u001b[31m";
const SHOWN = String.raw`x\u{a}FORGED\u{202e}\u{200b}\u{a0}\u{1b}[31m`;
// the line feed between two lines is the only one that may occur
const UNSAFE = /[^\P{Cc}\n]|\p{Cf}|\p{Zl}|\p{Zp}|(?! )\p{Zs}|^FORGED/mu;

/** Commands that run until they are interrupted. */
const endless = ["drop watch", "worker"];
/** Prints a script, or names for a shell that completes them. */
const forShells = ["completion", "__complete"];

interface Action {
  path: string;
  command: CommandUnknownOpts;
}

function actionsOf(command: CommandUnknownOpts, path: readonly string[] = []): Action[] {
  const own = (command as unknown as { _actionHandler: unknown })._actionHandler === null ? [] : [path.join(" ")];
  return [
    ...own.map((words) => ({ path: words, command })),
    ...command.commands.flatMap((child) => actionsOf(child, [...path, child.name()])),
  ];
}

/** A command line with the hostile name for every argument but a feed, and for the options that must be given. */
function hostileLine({ path, command }: Action): string[] {
  // what is done to a feed itself is done to one that no other command needs
  const feeds: Record<string, string> = { feed: path.startsWith("feed ") ? "spare" : "web", dir: "site" };
  const given = command.registeredArguments.map(
    (argument) => argument.argChoices?.[0] ?? feeds[argument.name()] ?? HOSTILE,
  );
  const options = command.options
    .filter((option) => option.mandatory && option.long !== undefined)
    .flatMap((option) => [option.long!, option.argChoices?.[0] ?? HOSTILE]);
  return [...path.split(" "), ...options, "--", ...given];
}

function assertSafe({ stdout, stderr }: FeedctlResult, line: readonly string[]): void {
  // columns are separated by tabs
  const found = UNSAFE.exec(stdout.replaceAll("\t", "  ") + stderr);
  assert.equal(found, null, `${JSON.stringify(line)} printed ${JSON.stringify(stdout + stderr)}`);
}

async function prepare(place: Installation): Promise<void> {
  for (const folder of ["tree", "out", "drop"]) {
    mkdirSync(place.path(folder));
    writeFileSync(place.path(folder, `${HOSTILE}.tgz`), "text");
  }
  for (const name of ["web", "spare"]) await place.run("feed", "create", name, "--type", "npm");
  await place.run("feed", "create", "site", "--type", "asset");
  await place.run("asset", "mkdir", "site", "a/b");
}

onDatabases("hostile names", ["PostgreSQL"], (database) => {
  database.test("every command prints a hostile argument as one line", async (_t, place) => {
    await prepare(place);
    let named = 0;
    for (const action of actionsOf(createProgram({} as Edge, "0"))) {
      if (endless.includes(action.path) || forShells.includes(action.path)) continue;
      const line = hostileLine(action);
      const result = await place.any(...line);
      assertSafe(result, line);
      if ((result.stdout + result.stderr).includes(SHOWN)) named++;
    }
    assert.ok(named >= 25, `${named} commands printed the name`);
  });

  database.test("names of files and keys are printed as one line, on a terminal and in logs", async (_t, place) => {
    if (process.platform === "win32") return;
    await prepare(place);
    const line = async (...args: string[]) => {
      const result = await place.any(...args);
      assertSafe(result, args);
      return result.stdout + result.stderr;
    };
    const log = place.path("log");
    await place.run("drop", "set", "web", place.path("drop"));
    const names = [
      await line("mirror", place.path("tree"), place.path("out"), "--verbose", "--log", log),
      await line("asset", "upload", "site", place.path("tree"), "--recursive"),
      await line("import", "web", place.path("tree")),
      await line("drop", "scan"),
      await line("drop", "status"),
      await line("drop", "scan", "--reject-to", place.path("rejected")),
      readFileSync(log, "utf8"),
    ];
    for (const text of names) {
      assert.ok(text.includes(SHOWN), text);
      assert.doesNotMatch(text, UNSAFE);
    }
  });
});

test("lines for people pass one writer", () => {
  const writers = ["lines.ts", "output.ts", "progress.ts", "edge.ts"].map((name) => join("src", "cli", "frame", name));
  // the error object of --json and the help; what shells read
  const others = [join("src", "main.ts"), join("src", "cli", "completion")];
  const folder = join(repository, "src");
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts"));
  for (const name of files.map((each) => relative(repository, join(folder, each)))) {
    if (writers.includes(name) || others.some((other) => name.startsWith(other))) continue;
    assert.doesNotMatch(readFileSync(join(repository, name), "utf8"), /\bstd(?:out|err)\.write\(|\bconsole\./, name);
  }
});
