import assert from "node:assert/strict";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import formatsModule from "ajv-formats";
import { declaredResults } from "../../src/cli/results/schemas/index.ts";

const ajv = new Ajv2020({ strict: true, allErrors: false });
// the package is CommonJS: what is imported is the whole of its exports
(formatsModule as unknown as typeof formatsModule.default)(ajv);
const validators = new Map<string, ValidateFunction>();

/** The command words of an argument list; `undefined` if no command with JSON output matches. */
export function commandOf(args: readonly string[]): string | undefined {
  const words = args.filter((arg) => !arg.startsWith("-"));
  for (const count of [3, 2, 1]) {
    const name = words.slice(0, count).join(" ");
    if (words.length >= count && Object.hasOwn(declaredResults, name)) return name;
  }
  return undefined;
}

/** Asserts that a command's --json output matches its schema and has no undeclared members. */
export function checkJson(args: readonly string[], { stdout, stderr }: { stdout: string; stderr: string }): void {
  const name = commandOf(args);
  assert.ok(name !== undefined, `feedctl ${args.join(" ")} has no schema`);
  const { output } = declaredResults[name] as (typeof declaredResults)[string];
  for (const value of valuesOf(stdout, output)) checkValue(name, value);
  for (const line of stderr.split("\n")) if (line.startsWith('{"')) checkValue("error", JSON.parse(line));
}

function valuesOf(stdout: string, output: "document" | "lines"): unknown[] {
  if (stdout === "") return []; // it failed, or printed a file
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

/** The schema with `additionalProperties: false` everywhere: published schemas are open, but undeclared output is a fault. */
function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed);
  if (typeof schema !== "object" || schema === null) return schema;
  const copy = Object.fromEntries(Object.entries(schema).map(([name, value]) => [name, closed(value)]));
  const isObject = copy["type"] === "object" && copy["properties"] !== undefined;
  return isObject && copy["additionalProperties"] === undefined ? { ...copy, additionalProperties: false } : copy;
}
