import { FeedctlError } from "../errors.ts";
import { keyProblem, type Key } from "../lib/key.ts";

/** Throws `invalid` with the reason when `text` is not a key. */
export function parseKey(text: string): Key {
  const problem = keyProblem(text);
  if (problem !== undefined) throw new FeedctlError("invalid", `the key ${JSON.stringify(text)} ${problem}`);
  return text as Key;
}

/**
 * A cloud target path as a key prefix: `""` for the root, else `a/b/`. Leading, trailing and doubled slashes are
 * ignored in every cloud. (ProGet's rules differ between S3 and Azure; see the README of this folder.)
 */
export function parseTargetPath(text: string): string {
  const segments = text.split("/").filter((segment) => segment !== "");
  if (segments.length === 0) return "";
  return `${parseKey(segments.join("/"))}/`;
}
