import type { PlannedVersion } from "../../../catalog/retention/plan.ts";
import type { KeyRange, QueryCriteria } from "../../../catalog/retention/rule-query.ts";
import type { CriterionName, RetentionCriteria } from "../../../catalog/schema/retention-criteria.ts";
import type { RetentionTerms } from "../terms.ts";
import type { ValueKind } from "./values.ts";

export type Value<Name extends CriterionName> = NonNullable<RetentionCriteria[Name]>;
type Queried<Name extends CriterionName> = NonNullable<QueryCriteria[Name]>;

/** A rule that is put into words. */
export interface RuleWords {
  feedType: string;
  criteria: RetentionCriteria;
  terms: RetentionTerms;
}

/** A version, or a file of an asset directory, that a rule looks at. */
export interface ItemWords extends RuleWords {
  item: Omit<PlannedVersion, "rule" | "number">;
  now: Date;
}

/** What turns values into those of `QueryCriteria`. */
export interface Compiler {
  /** Package names, or paths, as the catalog spells them. */
  names(patterns: string[]): string[];
  daysAgo(days: number): Date;
  range(text: string): Promise<readonly KeyRange[]>;
}

/**
 * Everything that is known of one criterion outside SQL, which is in `catalog/retention/criteria-sql.ts`. Command line,
 * rule files, messages and completions are made from it.
 */
export interface Criterion<Name extends CriterionName> {
  /** Of the command line, without the dashes. */
  readonly flag: string;
  readonly value: ValueKind<Value<Name>>;
  /** What the value is called in help texts; empty for a flag. */
  readonly placeholder: string;
  readonly help: string;
  /** The feeds whose rules may have it. */
  readonly of: "versions" | "assets" | "both";
  /**
   * Decides its place in a sentence. `scope`: which kind of item the rule looks at; `selects` and `keeps`: a test of each;
   * `quota`: a test of totals; `option`: no test, and no rule by itself.
   */
  readonly role: "scope" | "selects" | "keeps" | "quota" | "option";
  /** How ProGet names it in rule files where it counts in another unit. */
  readonly alias?: { readonly name: string; readonly unit: string };
  /** It has an effect only with one of these. */
  readonly needs?: readonly CriterionName[];
  /** It cannot stand beside these. */
  readonly excludes?: { readonly names: readonly CriterionName[]; readonly why: string };
  /** It relies on the recorded downloads. */
  readonly needsUsage?: true;
  /** With this value it leaves out nothing that no other criterion keeps. */
  takesAll(value: Value<Name>): boolean;
  /** The value for SQL. Throws `usage` for one that means nothing for the feed's type. */
  query(value: Value<Name>, compiler: Compiler): Queried<Name> | Promise<Queried<Name>>;
  /** A piece of what the rule deletes. */
  describe(value: Value<Name>, rule: RuleWords): string | undefined;
  /** Why the rule deletes an item that meets the criterion. */
  reason(value: Value<Name>, item: ItemWords): string | undefined;
  /** Why the rule does not delete an item that does not meet it. */
  unmet(value: Value<Name>, item: ItemWords): string | undefined;
}
