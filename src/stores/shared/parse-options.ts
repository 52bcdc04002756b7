import { FeedctlError } from "../../errors.ts";
import type { OptionTable, StoreDescriptor, StoreOption, StoreOptions } from "../descriptor.ts";

/**
 * Validates option values from a file or the catalog; returns them by property. Options may be named by property or by
 * flag, and a switch may be the text `true` or `false`. Throws `usage`; the message begins with `where` and names the
 * option. Required options may be missing: see `parseConfig`.
 */
export function parseOptions(
  { type, options }: Pick<StoreDescriptor, "type" | "options">,
  values: unknown,
  where: string,
): StoreOptions {
  const table: Readonly<Record<string, StoreOption>> = options;
  const wrong = (why: string, hint?: string) => new FeedctlError("usage", `${where}: ${why}`, { hint });
  if (typeof values !== "object" || values === null || Array.isArray(values))
    throw wrong("the store options must be an object");
  const parsed: StoreOptions = {};
  for (const [name, value] of Object.entries(values as Record<string, unknown>)) {
    if (name === "type" || value === undefined) continue;
    const found = Object.entries(table).find(([property, { flag }]) => name === property || name === flag);
    if (found === undefined)
      throw wrong(
        `${article(type)} ${type} store has no option "${name}"`,
        `known are ${Object.keys(table).join(", ")}`,
      );
    const [property, option] = found;
    if (Object.hasOwn(parsed, property)) throw wrong(`"${name}" is given twice`);
    const read = option.value === undefined ? switchOf(value) : typeof value === "string" ? value : undefined;
    if (read === undefined)
      throw wrong(`"${name}" must be ${option.value === undefined ? "true or false" : "text"}, not ${nameOf(value)}`);
    parsed[property] = read;
  }
  return parsed;
}

/** `StoreDescriptor.parse` for a type whose option table describes every check. */
export function parseConfig<Config extends { type: string }>(
  type: Config["type"],
  options: OptionTable<Config>,
  values: unknown,
  where: string,
): Config {
  const table: Readonly<Record<string, StoreOption>> = options;
  const parsed = parseOptions({ type, options: table }, values, where);
  for (const [property, { required }] of Object.entries(table))
    if (required && !parsed[property])
      throw new FeedctlError("usage", `${where}: ${article(type)} ${type} store needs "${property}"`);
  return { ...parsed, type } as unknown as Config;
}

/** `true` or `false`, also as text, which is how YAML is read; undefined: it is neither. */
export function switchOf(value: unknown): boolean | undefined {
  return value === true || value === "true" ? true : value === false || value === "false" ? false : undefined;
}

/** Names the type of a value. The value itself is not shown: it may be a secret in the wrong option. */
function nameOf(value: unknown): string {
  if (value === null || value === "") return "empty";
  return Array.isArray(value) ? "a list" : typeof value === "object" ? "an object" : `a ${typeof value}`;
}

function article(type: string): string {
  return /^[aeiou]|^s3/.test(type) ? "an" : "a";
}
