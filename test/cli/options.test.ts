import assert from "node:assert/strict";
import { test } from "node:test";
import type { CommandUnknownOpts } from "commander";
import type { Edge } from "../../src/cli/frame/edge.ts";
import { createProgram } from "../../src/cli/program.ts";
import { commandLineProblem } from "../support/command-lines.ts";

test("no option of any command takes a list of values: it would take the paths behind it", () => {
  const commands: CommandUnknownOpts[] = [createProgram({} as Edge, "0.0.0")];
  const lists: string[] = [];
  let options = 0;
  for (const command of commands) {
    commands.push(...command.commands);
    options += command.options.length;
    for (const { flags, variadic } of command.options) if (variadic) lists.push(`${command.name()} ${flags}`);
  }
  assert.deepEqual(lists, []);
  assert.ok(options > 200, `${options} options`);
});

test("arguments may stand behind an option that may be repeated", async () => {
  for (const line of [
    "mirror --exclude *.tmp --exclude *.bak from to",
    "mirror --include *.deb from --exclude old/ to",
    "import --map npm=web --map nuget=net in",
    "import web --include *.tgz in",
    "asset sync --exclude .git in files",
    "asset upload --metadata a=1 --header b=2 files in",
    "asset set-metadata --header a=1 --remove b files path",
  ])
    assert.equal(await commandLineProblem(line), undefined, line);
});
