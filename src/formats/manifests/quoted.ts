import { oneLine } from "../../lib/one-line.ts";

/** A stranger's text as part of a reason: short enough that what is wrong with it is not cut off. */
export function quoted(text: string): string {
  return `"${oneLine(text, 100)}"`;
}
