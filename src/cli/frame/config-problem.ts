import { readFileSync } from "node:fs";
import { FeedctlError } from "../../errors.ts";
import { createYamlPlaces, placeIn } from "../../formats/manifests/yaml-places.ts";

/** An entry of a configuration file that is wrong: its names from the top of the file, and why. */
export class ConfigProblem extends Error {
  readonly entry: readonly string[];
  readonly hint: string | undefined;

  constructor(entry: readonly string[], message: string, hint?: string) {
    super(message);
    this.entry = entry;
    this.hint = hint;
  }
}

/** The error for people, with the file, line and column. */
export async function explainProblem(path: string, { entry, message, hint }: ConfigProblem): Promise<FeedctlError> {
  return new FeedctlError("usage", `${placeIn(path, await positionOf(path, entry))}: ${message}`, { hint });
}

async function positionOf(path: string, entry: readonly string[]) {
  if (/\.toml$/i.test(path)) {
    const { findTomlEntry } = await import("../../formats/manifests/toml.ts");
    return findTomlEntry(readFileSync(path, "utf8"), entry);
  }
  const { parseYaml } = await import("../../formats/manifests/yaml.ts");
  const places = createYamlPlaces();
  try {
    let value: unknown = parseYaml(readFileSync(path), "configuration", { places });
    let position;
    for (const name of entry) {
      if (typeof value !== "object" || value === null) break;
      position = places.of(value, name) ?? position;
      value = (value as Record<string, unknown>)[name];
    }
    return position;
  } catch {
    return undefined; // what cosmiconfig reads and this parser does not, such as aliases and UTF-16
  }
}
