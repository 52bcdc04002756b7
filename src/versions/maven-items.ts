/**
 * An item of a parsed Maven version. Numbers have no leading zeros. A hyphen or a change between letters and digits
 * begins a nested list, which is always the last item of its list.
 */
export type Item =
  | { kind: "number"; digits: string }
  | { kind: "text"; text: string }
  | { kind: "list"; items: readonly Item[] };

const ranks: Record<string, number> = { alpha: 0, beta: 1, milestone: 2, rc: 3, snapshot: 4, "": 5, sp: 6 };
const aliases: Record<string, string> = { ga: "", final: "", release: "", cr: "rc" };
const shortForms: Record<string, string> = { a: "alpha", b: "beta", m: "milestone" };

/** The rank of the words for the release itself. A missing item has this rank, too. */
export const RELEASE = 5;

/** The rank of a qualifier that Maven knows. Undefined for other words, which sort after these, alphabetically. */
export function qualifierRank(text: string): number | undefined {
  return Object.hasOwn(ranks, text) ? ranks[text] : undefined;
}

/** Parses a version by the rules of Maven 3.9, without neutral items (`1.0.0-ga` is `1`). */
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
    // A word before digits or at the end is read with a hyphen before it: `1.0.rc1` is `1.0-rc-1`.
    if (!isSeparator(before) || (!isNumber && (after === undefined || isDigits(after)))) openList();
    if (isNumber) add({ kind: "number", digits: part.replace(/^0+(?=[0-9])/, "") });
    else add({ kind: "text", text: fullName(part, after !== undefined && isDigits(after)) });
  }
  return lists.reduceRight<Item[]>(
    (inner, items) => withoutNeutral(inner.length > 0 ? [...items, { kind: "list", items: inner }] : items),
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

/** Removes zeros and the words for a release at the end of a list, and before the nested list at its end. */
function withoutNeutral(items: readonly Item[]): Item[] {
  const inner = items.at(-1)?.kind === "list" ? 1 : 0;
  const last = items.findLastIndex((item, index) => index < items.length - inner && !isNeutral(item));
  return [...items.slice(0, last + 1), ...items.slice(items.length - inner)];
}

function isNeutral(item: Item): boolean {
  if (item.kind === "list") return false;
  return item.kind === "number" ? item.digits === "0" : item.text === "";
}
