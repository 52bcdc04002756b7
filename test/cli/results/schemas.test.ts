import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { CommandUnknownOpts } from "commander";
import type { Edge } from "../../../src/cli/frame/edge.ts";
import { createProgram } from "../../../src/cli/program.ts";
import { commandsWithoutJson, declaredResults } from "../../../src/cli/results/schemas/index.ts";
import { checkJson, commandOf } from "../../support/check-json.ts";
import { sandbox } from "../../support/feedctl.ts";
import { parseTranscript, splitWords } from "../../support/transcript.ts";

/** Commands that run until they are interrupted, which a transcript cannot do. */
const endless = ["drop watch"];

function actionsOf(command: CommandUnknownOpts, path: readonly string[] = []): string[] {
  const own = (command as unknown as { _actionHandler: unknown })._actionHandler === null ? [] : [path.join(" ")];
  return [...own, ...command.commands.flatMap((child) => actionsOf(child, [...path, child.name()]))];
}

const actions = actionsOf(createProgram({} as Edge, "0"));

test("every command has a schema for its --json output, or a reason why it has none", () => {
  assert.ok(actions.includes("feed create") && actions.includes("worker") && actions.includes("worker list"));
  const known = [...Object.keys(declaredResults), ...Object.keys(commandsWithoutJson)];
  assert.deepEqual(known.filter((name) => name !== "error").toSorted(), actions.toSorted());
});

test("a transcript runs every command with --json", () => {
  const folder = join(import.meta.dirname, "..", "transcripts");
  const run = readdirSync(folder).flatMap((name) =>
    parseTranscript(readFileSync(join(folder, name), "utf8"))
      .filter((entry) => typeof entry !== "string")
      .map(({ text }) => splitWords(text))
      .filter((words) => words[0] === "feedctl" && words.includes("--json"))
      .map((words) => commandOf(words.slice(1))),
  );
  const missing = Object.keys(declaredResults).filter((name) => !run.includes(name) && !endless.includes(name));
  assert.deepEqual(
    missing.filter((name) => name !== "error"),
    [],
  );
});

test("a member that is undeclared or of another type is an error", () => {
  const kept = { keptBlobs: 0, keptBy: null, keptUntil: null };
  const good = { feed: "internal", versions: 1, files: 2, ...kept };
  const check = (value: object) =>
    checkJson(["feed", "clear-cached", "internal", "--json"], { stdout: JSON.stringify(value), stderr: "" });
  check(good);
  assert.throws(() => check({ ...good, id: 7 }), /additional properties/);
  assert.throws(() => check({ ...good, files: "2" }), /must be integer/);
  assert.throws(() => check({ feed: "internal" }), /required/);
  assert.throws(() => checkJson(["asset", "cat", "x", "y", "--json"], { stdout: "", stderr: "" }), /has no schema/);
  const stderr = '{"type":"error","code":"nonsense","message":"x"}';
  assert.throws(() => checkJson(["init", "--json"], { stdout: "", stderr }), /must be equal to one of/);
});

test("feedctl schema prints a JSON Schema, lists all, and says why a command has none", async () => {
  await using place = await sandbox();
  const schema = (await place.feedctl(["schema", "verify"])).json() as Record<string, unknown>;
  assert.equal(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
  assert.equal(schema["title"], "feedctl verify --json");
  assert.match(String(schema["description"]), /each line \(NDJSON\)/);
  assert.deepEqual(schema["anyOf"], JSON.parse(JSON.stringify(declaredResults["verify"]?.schema)).anyOf);
  const listed = (await place.feedctl(["schema", "--json"])).json() as { command: string }[];
  assert.deepEqual(
    listed.map(({ command }) => command),
    Object.keys(declaredResults),
  );
  const refused = await place.feedctl(["schema", "asset", "cat"]);
  assert.equal(refused.code, 4);
  assert.match(refused.stderr, /there is no schema for "asset cat": it prints the file itself/);
});
