import { Argument, InvalidArgumentError, Option } from "commander";
import type { UserMetadata } from "../../catalog/schema/assets.ts";
import { FeedctlError } from "../../errors.ts";
import { parseAge } from "../frame/parsers.ts";

/** An argument that names an asset directory. */
export function directoryArgument() {
  return new Argument("<dir>", "name of the asset directory");
}

export function pathArgument(description = "path in the directory") {
  return new Argument("<path>", description);
}

/**
 * Parses `inherit`, `none`, `no-cache`, a time such as `30m`, or a whole Cache-Control header. Returns null for
 * `inherit` and the empty string for `none`.
 */
export function parseCache(text: string): string | null {
  if (text === "inherit") return null;
  if (text === "none" || text === "") return "";
  if (/^\d+(\.\d+)?\s*(ms|s|m|h|d|w)?$/i.test(text)) return `max-age=${Math.round(parseAge(text) / 1000)}`;
  if (!/^[ -~]+$/.test(text)) throw new InvalidArgumentError("It must be printable ASCII.");
  if (!/^[a-z-]+(=|,|$)/i.test(text)) throw new InvalidArgumentError("It must be a Cache-Control header.");
  return text;
}

export function cacheOption() {
  return new Option(
    "--cache <how>",
    "Cache-Control: no-cache, a time such as 30m, a whole header, none, or inherit (from the folder)",
  ).argParser(parseCache);
}

export function parseContentType(text: string): string {
  if (!/^[\w.+-]+\/[\w.+-]+(\s*;\s*[\w.+-]+=("[ !#-~]*"|[\w.+-]+))*$/.test(text))
    throw new InvalidArgumentError("It must be a media type such as text/html or text/plain; charset=utf-8.");
  return text;
}

export function contentTypeOption() {
  return new Option(
    "--content-type <type>",
    "media type (default: by the file extension, else by the first bytes)",
  ).argParser(parseContentType);
}

/** Parses `name=value` entries. The entries of `headers` are marked to be sent with the file as headers. */
export function parseMetadata(pairs: readonly string[], headers: readonly string[]): UserMetadata {
  const all: UserMetadata = {};
  for (const [list, header] of [
    [pairs, false],
    [headers, true],
  ] as const)
    for (const pair of list) {
      const at = pair.indexOf("=");
      if (at <= 0)
        throw new FeedctlError("usage", `"${pair}" is not metadata`, { hint: "metadata looks like name=value" });
      if (pair.slice(0, at) === "__proto__") throw new FeedctlError("usage", 'metadata cannot be named "__proto__"');
      all[pair.slice(0, at)] = { value: pair.slice(at + 1), header };
    }
  return all;
}
