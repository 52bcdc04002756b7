import type { KeepPer } from "../../../catalog/schema/retention-criteria.ts";
import type { FeedctlError } from "../../../errors.ts";
import { bytesOf } from "../../../lib/text/parse-size.ts";

/** The type of a criterion's value, and how it is parsed. */
export interface ValueKind<Value> {
  /** The type of the stored value. A `flag` is an option without a value; rule files may write `patterns` as a list. */
  readonly kind: "flag" | "number" | "text" | "patterns";
  /**
   * Parses a non-empty value from the command line or a rule file. Undefined removes the criterion. Throws
   * `wrong(<what was expected>)`.
   */
  parse(given: unknown, wrong: (expected: string) => FeedctlError): Value | undefined;
}

function single<Value>(
  kind: "flag" | "number" | "text",
  parse: (given: string, wrong: (expected: string) => FeedctlError) => Value | undefined,
): ValueKind<Value> {
  return {
    kind,
    parse(given, wrong) {
      if (typeof given !== "string" && typeof given !== "number" && typeof given !== "boolean")
        throw wrong("one value");
      return parse(String(given).trim(), wrong);
    },
  };
}

export const flag = single("flag", (given, wrong): true | undefined => {
  if (!/^(true|false)$/i.test(given)) throw wrong("true or false");
  return /^true$/i.test(given) ? true : undefined;
});

export const text = single("text", (given) => given);

export const wholeNumber = single("number", (given, wrong) => {
  if (!/^[0-9]{1,9}$/.test(given)) throw wrong("a whole number");
  return Number(given);
});

/** Bytes. */
export const size = single("number", (given, wrong) => {
  const bytes = bytesOf(given);
  if (bytes === undefined || !Number.isSafeInteger(bytes)) throw wrong("a size such as 500M or 20GiB");
  return bytes;
});

const keepPer: readonly KeepPer[] = [
  ...(["package", "major", "minor"] as const),
  ...(["distribution", "architecture", "platform", "suffix"] as const),
];

export function isKeepPer(word: string): word is KeepPer {
  return (keepPer as readonly string[]).includes(word);
}

/** What versions of a package are counted apart by: words of `KeepPer` with commas between. `line` is `minor`. */
export const line = single("text", (given, wrong) => {
  const words = given.split(",").map((word) => (word.trim() === "line" ? "minor" : word.trim()));
  if (!words.every(isKeepPer) || new Set(words).size < words.length)
    throw wrong(`${keepPer.slice(0, -1).join(", ")} or ${keepPer.at(-1)}, or several of them with commas between`);
  return words.join(",");
});

export const patterns: ValueKind<string[]> = {
  kind: "patterns",
  parse(given, wrong) {
    const list = Array.isArray(given) ? given : String(given).split(",");
    const found = list.map((each) => (typeof each === "string" ? each.trim() : "")).filter((each) => each !== "");
    if (Array.isArray(given) && found.length < given.length) throw wrong("a list of patterns");
    return found.length === 0 ? undefined : [...new Set(found)];
  },
};

/** `query` of criteria whose stored value is also the value for SQL. */
export const sameValue = <Any>(value: Any): Any => value;
export const always = () => true;
export const never = () => false;
export const isZero = (value: number) => value === 0;
/** For texts that a criterion does not have: those of options, and the reason of criteria that keep items. */
export const nothing = () => undefined;
