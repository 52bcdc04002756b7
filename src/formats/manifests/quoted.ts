import { excerpt } from "../../lib/text/excerpt.ts";

/** Quotes text of a package in a reason, shortened so that the rest of the reason is not cut off. */
export function quoted(text: string): string {
  return `"${excerpt(text, 100)}"`;
}
