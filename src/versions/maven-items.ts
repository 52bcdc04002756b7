/**
 * A Maven version taken apart. Numbers have no leading zeros. A hyphen, or a change between letters and digits, opens a
 * list inside the list, which is always its last item.
 */
export type Item =
  | { kind: "number"; digits: string }
  | { kind: "text"; text: string }
  | { kind: "list"; items: readonly Item[] };

const ranks: Record<string, number> = { alpha: 0, beta: 1, milestone: 2, rc: 3, snapshot: 4, "": 5, sp: 6 };
const aliases: Record<string, string> = { ga: "", final: "", release: "", cr: "rc" };
const shortForms: Record<string, string> = { a: "alpha", b: "beta", m: "milestone" };

/** Of the words that mean the release itself; an item that is missing compares like them. */
export const RELEASE = 5;

/** Place among the qualifiers that Maven knows; undefined for other words, which come after them in their own order. */
export function qualifierRank(text: string): number | undefined {
  return Object.hasOwn(ranks, text) ? ranks[text] : undefined;
}

/** The items of a version by the rules of Maven 3.9, without what means nothing (`1.0.0-ga` is `1`). */
export function parseMavenVersion(version: string): Item[] {
  const parts = version.toLowerCase().match(/[^0-9.-]+|[0-9]+|[.-]/g) ?? [];
  const lists: Item[][] = [[]];
  const add = (item: Item): void => void lists.at(-1)!.push(item);
  const openList = (): void => void (lists.at(-1)!.length > 0 && lists.push([]));
  for (const [index, part] of parts.entries()) {
    const [before = ".", after] = [parts[index - 1], parts[index + 1]];
    if (isSeparator(part)) {
      if (isSeparator(before)) add({ kind: "number", digits: "0" });
      if (part === "-") openList();
      continue;
    }
    const isNumber = isDigits(part);
    // A word before digits or at the end is read as if a hyphen stood before it: `1.0.rc1` is `1.0-rc-1`.
    if (!isSeparator(before) || (!isNumber && (after === undefined || isDigits(after)))) openList();
    if (isNumber) add({ kind: "number", digits: part.replace(/^0+(?=[0-9])/, "") });
    else add({ kind: "text", text: fullName(part, after !== undefined && isDigits(after)) });
  }
  return lists.reduceRight<Item[]>(
    (inner, items) => withoutNothing(inner.length > 0 ? [...items, { kind: "list", items: inner }] : items),
    [],
  );
}

function isSeparator(part: string): boolean {
  return part === "." || part === "-";
}

function isDigits(part: string): boolean {
  return /^[0-9]/.test(part);
}

function fullName(word: string, isBeforeDigits: boolean): string {
  const name = isBeforeDigits && Object.hasOwn(shortForms, word) ? shortForms[word]! : word;
  return Object.hasOwn(aliases, name) ? aliases[name]! : name;
}

/** Zeros and the words for a release mean nothing at the end of a list, nor before the list at its end. */
function withoutNothing(items: readonly Item[]): Item[] {
  const inner = items.at(-1)?.kind === "list" ? 1 : 0;
  const last = items.findLastIndex((item, index) => index < items.length - inner && !isNothing(item));
  return [...items.slice(0, last + 1), ...items.slice(items.length - inner)];
}

function isNothing(item: Item): boolean {
  if (item.kind === "list") return false;
  return item.kind === "number" ? item.digits === "0" : item.text === "";
}
