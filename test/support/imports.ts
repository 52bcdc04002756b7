import { globSync, readFileSync } from "node:fs";
import { join, posix, sep } from "node:path";
import { repository } from "./build.ts";

/** One import, re-export or `import()` of a module. */
export interface Import {
  /** The importing file, relative to the repository, with `/`. */
  file: string;
  line: number;
  specifier: string;
  /** The imported file; undefined for a package. */
  target: string | undefined;
  /** Removed when types are stripped. */
  typeOnly: boolean;
}

export function sourceFiles(folder: string): string[] {
  return globSync(`${folder}/**/*.ts`, { cwd: repository })
    .map((name) => name.split(sep).join("/"))
    .toSorted();
}

export function importsOf(file: string): Import[] {
  return findImports(file, readFileSync(join(repository, file), "utf8"));
}

/** Finds imports in formatted code. Strings and comments that look like a whole import are found as well. */
export function findImports(file: string, source: string): Import[] {
  const statement = /^(?<start>import|export)\s+(?<type>type\s)?(?:[^;"'`]*?\sfrom\s+)?"(?<name>[^"]+)"/gm;
  const call = /\b(?:import|import\.meta\.resolve|require)\(\s*"(?<name>[^"]+)"/g;
  return [...source.matchAll(statement), ...source.matchAll(call)].map((found) => {
    const specifier = found.groups?.["name"] ?? "";
    const before = source.slice(0, found.index);
    const typeQuery = /\btypeof\s*$/.test(before);
    return {
      file,
      line: before.split("\n").length,
      specifier,
      target: specifier.startsWith(".") ? posix.join(posix.dirname(file), specifier) : undefined,
      typeOnly: found.groups?.["type"] !== undefined || typeQuery,
    };
  });
}
