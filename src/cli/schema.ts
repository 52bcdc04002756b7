import { Command, type CommandUnknownOpts } from "commander";
import { FeedctlError } from "../errors.ts";
import type { Edge } from "./frame/edge.ts";
import type { Column } from "./frame/output.ts";
import type { SchemaListResult } from "./results/schemas/installation.ts";
import type { DeclaredResult } from "./results/schemas/index.ts";

export function schemaCommand(edge: Edge): CommandUnknownOpts {
  return new Command("schema")
    .description("print the JSON Schema (2020-12) of what a command prints with --json, or list all of them")
    .argument("[command...]", "the command, such as feed list; error: what any command prints when it fails")
    .addHelpText(
      "after",
      `
A command prints one document, or lines: one JSON object per line, as things happen, the last one a summary. A schema
for lines describes each line. Later versions may add members: readers must ignore unknown ones.

Examples:
  $ feedctl schema feed list
  $ feedctl schema mirror > mirror.schema.json`,
    )
    .action(async (words: string[], _options, command) =>
      edge.act<SchemaListResult | Record<string, unknown>>(command, async (_context, out) => {
        const { declaredResults } = await import("./results/schemas/index.ts");
        const name = words.join(" ");
        if (name === "") {
          await out.table(Object.entries(declaredResults), columns, listResult);
          return;
        }
        const schema = schemaOf(name, await requireDeclared(name));
        await out.result(schema, JSON.stringify(schema, null, 2).split("\n"));
      }),
    );
}

const columns: Column<[string, DeclaredResult]>[] = [
  { title: "command", value: ([name]) => name },
  { title: "output", value: ([, { output }]) => output },
  { title: "description", value: ([, { note }]) => note },
];

function listResult([command, { output, note }]: [string, DeclaredResult]): SchemaListResult {
  return { command, output, description: note };
}

async function requireDeclared(name: string): Promise<DeclaredResult> {
  const { commandsWithoutJson, declaredResults } = await import("./results/schemas/index.ts");
  const declared = Object.hasOwn(declaredResults, name) ? declaredResults[name] : undefined;
  if (declared !== undefined) return declared;
  const reason = Object.hasOwn(commandsWithoutJson, name) ? `: it ${commandsWithoutJson[name]}` : "";
  throw new FeedctlError("not-found", `there is no schema for "${name}"${reason}`, { hint: "see: feedctl schema" });
}

function schemaOf(name: string, { output, schema, note }: DeclaredResult): Record<string, unknown> {
  const form = output === "lines" ? "each line (NDJSON)" : "one document";
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: name === "error" ? "feedctl --json, standard error" : `feedctl ${name} --json`,
    description: note === "" ? form : `${form}; ${note}`,
    ...schema,
  };
}
