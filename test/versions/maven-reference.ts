/**
 * Maven 3.9's comparison, item by item: slow, without a key, and independent of the code that it checks. Its order is
 * not transitive everywhere.
 */
export function compareLikeMaven(a: string, b: string): number {
  return compareLists(read(a), read(b));
}

type Item = bigint | string | Item[];

const qualifiers = ["alpha", "beta", "milestone", "rc", "snapshot", "", "sp"];
const RELEASE = qualifiers.indexOf("");

/** Inserts the hyphens that Maven implies, then parses the text from its end, the innermost list first. */
function read(version: string): Item[] {
  const text = version
    .toLowerCase()
    .replace(/(?<=[^0-9.-])(?=[0-9])/g, "\n")
    .replace(/(?<=[0-9])(?=[^0-9.\n-])/g, "-")
    .replace(/(?<=^|[.-])[abm](?=\n)/g, (letter) => ({ a: "alpha", b: "beta", m: "milestone" })[letter]!)
    .replace(/\.(?=[^0-9.-]+(?:\n|$))/g, "-")
    .replaceAll("\n", "-")
    .replace(/[.-]$/, "");
  return text.split("-").reduceRight<Item[]>((inner, part) => {
    const items = part.split(".").map((item) => toItem(item));
    while (items.length > 0 && [0n, ""].includes(items.at(-1) as bigint | string)) items.pop();
    return inner.length > 0 ? [...items, inner] : items;
  }, []);
}

function toItem(text: string): Item {
  if (text === "") return 0n;
  if (/^[0-9]+$/.test(text)) return BigInt(text);
  return { ga: "", final: "", release: "", cr: "rc" }[text] ?? text;
}

function compareLists(a: Item[], b: Item[]): number {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const order = compareItems(a[i], b[i]);
    if (order !== 0) return order;
  }
  return 0;
}

function compareItems(a: Item | undefined, b: Item | undefined): number {
  if (a === undefined) return b === undefined ? 0 : -compareItems(b, a);
  if (Array.isArray(a)) return compareList(a, b);
  if (typeof a === "string") return compareWord(a, b);
  if (b === undefined) return a === 0n ? 0 : 1;
  if (typeof b !== "bigint") return 1;
  return a < b ? -1 : a > b ? 1 : 0;
}

function compareList(a: Item[], b: Item | undefined): number {
  if (b === undefined) return compareLists(a, []);
  if (typeof b === "bigint") return -1;
  return typeof b === "string" ? 1 : compareLists(a, b);
}

function compareWord(a: string, b: Item | undefined): number {
  if (b !== undefined && typeof b !== "string") return -1;
  const [first, second] = [rankOf(a), b === undefined ? String(RELEASE) : rankOf(b)];
  return first < second ? -1 : first > second ? 1 : 0;
}

/** A text that sorts like Maven's: `7-` and the word for an unknown word. */
function rankOf(word: string): string {
  const known = qualifiers.indexOf(word);
  return known < 0 ? `${qualifiers.length}-${word}` : String(known);
}
