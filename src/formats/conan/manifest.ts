import { createHash } from "node:crypto";
import { invalid } from "../read-package.ts";

/** MD5 of every unpacked file of a recipe or package, by path. */
export type ConanManifest = ReadonlyMap<string, string>;

/** Parses a manifest: the first line is a time, every other one `PATH: MD5`. */
export function parseConanManifest(bytes: Buffer): ConanManifest {
  const [time, ...lines] = bytes.toString("utf8").split(/\r?\n/);
  if (!/^[0-9]{1,15}$/.test(time!)) throw invalid("its conanmanifest.txt does not begin with a time");
  const sums = new Map<string, string>();
  for (const line of lines) {
    if (line === "") continue;
    const [, path, sum] = /^(.+): ([0-9a-f]{32})$/.exec(line) ?? [];
    if (path === undefined) throw invalid("its conanmanifest.txt has a line that is not a path and an MD5");
    if (sums.has(path)) throw invalid("its conanmanifest.txt has a path twice");
    sums.set(path, sum!);
  }
  return sums;
}

/** The revision of a recipe or package: the MD5 of its manifest without the time. */
export function revisionOf(manifest: ConanManifest): string {
  // Python sorts by code points, and UTF-8 bytes have the same order.
  const lines = [...manifest]
    .map(([path, sum]) => ({ path: Buffer.from(path), line: `${path}: ${sum}\n` }))
    .sort((a, b) => Buffer.compare(a.path, b.path));
  return createHash("md5")
    .update(lines.map(({ line }) => line).join(""))
    .digest("hex");
}

/** The literal assignments of a recipe. It is a Python program, so computed values are not known. */
export function readRecipe(bytes: Buffer): Map<string, string> {
  const text = bytes.toString("utf8");
  const found = new Map<string, string>();
  for (const [, name, , value] of text.matchAll(ASSIGNMENT)) if (!found.has(name!)) found.set(name!, value!);
  return found;
}

const ASSIGNMENT =
  /^(?: {1,4}|\t)(name|version|description|license|author|url|homepage|package_type)[ \t]*=[ \t]*(["'])([^"'\\\r\n]*)\2[ \t]*(?:#.*)?\r?$/gm;
