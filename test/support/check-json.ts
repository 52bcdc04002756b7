import assert from "node:assert/strict";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import formatsModule from "ajv-formats";
import { declaredResults } from "../../src/cli/results/schemas/index.ts";

const ajv = new Ajv2020({ strict: true, allErrors: false });
// the package is CommonJS: the import is its exports object
(formatsModule as unknown as typeof formatsModule.default)(ajv);
const validators = new Map<string, ValidateFunction>();

/** The name of the command in an argument list; undefined for a command that does not print JSON. */
export function commandOf(args: readonly string[]): string | undefined {
  const words = args.filter((arg) => !arg.startsWith("-"));
  for (const count of [3, 2, 1]) {
    const name = words.slice(0, count).join(" ");
    if (words.length >= count && Object.hasOwn(declaredResults, name)) return name;
  }
  return undefined;
}

/** Asserts that the output of a command with --json matches its schema and has no further members. */
export function checkJson(args: readonly string[], { stdout, stderr }: { stdout: string; stderr: string }): void {
  const name = commandOf(args);
  assert.ok(name !== undefined, `feedctl ${args.join(" ")} has no schema`);
  const { output } = declaredResults[name] as (typeof declaredResults)[string];
  for (const value of valuesOf(stdout, output)) checkValue(name, value);
  for (const line of stderr.split("\n")) if (line.startsWith('{"')) checkValue("error", JSON.parse(line));
}

function valuesOf(stdout: string, output: "document" | "lines"): unknown[] {
  if (stdout === "") return []; // the command failed, or wrote a file to stdout
  if (output === "document") return [JSON.parse(stdout)];
  return stdout
    .trimEnd()
    .split("\n")
    .map((line): unknown => JSON.parse(line));
}

function checkValue(name: string, value: unknown): void {
  const validate = validators.get(name) ?? ajv.compile(closed(declaredResults[name]?.schema) as object);
  validators.set(name, validate);
  assert.ok(validate(value), `${name}: ${JSON.stringify(value)}: ${ajv.errorsText(validate.errors)}`);
}

/** The schema without additional members: readers should accept them, but feedctl must not print them. */
function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed);
  if (typeof schema !== "object" || schema === null) return schema;
  const copy = Object.fromEntries(Object.entries(schema).map(([name, value]) => [name, closed(value)]));
  const isObject = copy["type"] === "object" && copy["properties"] !== undefined;
  return isObject && copy["additionalProperties"] === undefined ? { ...copy, additionalProperties: false } : copy;
}
