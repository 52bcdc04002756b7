import type { PlannedVersion } from "../../../catalog/retention/plan.ts";
import type { KeyRange, QueryCriteria } from "../../../catalog/retention/rule-query.ts";
import type { CriterionName, RetentionCriteria } from "../../../catalog/schema/retention-criteria.ts";
import type { RetentionTerms } from "../terms.ts";
import type { ValueKind } from "./values.ts";

export type Value<Name extends CriterionName> = NonNullable<RetentionCriteria[Name]>;
type Queried<Name extends CriterionName> = NonNullable<QueryCriteria[Name]>;

/** A rule, as the texts about it need it. */
export interface RuleWords {
  feedType: string;
  criteria: RetentionCriteria;
  terms: RetentionTerms;
}

/** A rule and one item that it examines: a version, or a file of an asset directory. */
export interface ItemWords extends RuleWords {
  item: Omit<PlannedVersion, "rule" | "number">;
  now: Date;
}

/** Converts criterion values to those of `QueryCriteria`. */
export interface Compiler {
  readonly feedType: string;
  /** Patterns of package names, or of paths, in the catalog's spelling. */
  names(patterns: string[]): string[];
  daysAgo(days: number): Date;
  range(text: string): Promise<readonly KeyRange[]>;
}

/**
 * The descriptor of one criterion. Options, rule files, messages and completions are derived from it; its SQL is in
 * `catalog/retention/criteria-sql.ts`.
 */
export interface Criterion<Name extends CriterionName> {
  /** The command-line option, without the dashes. */
  readonly flag: string;
  /** A shorter name of the option. */
  readonly shortFlag?: string;
  readonly value: ValueKind<Value<Name>>;
  /** The value's name in help texts; empty for a flag. */
  readonly placeholder: string;
  readonly help: string;
  /** The kind of feed whose rules may have it. */
  readonly of: "versions" | "assets" | "both";
  /**
   * Decides where it appears in a rule's description. `scope`: the kind of item the rule examines. `selects`, `keeps`:
   * a test of each item. `quota`: a test of totals. `option`: no test; a rule needs other criteria beside it.
   */
  readonly role: "scope" | "selects" | "keeps" | "quota" | "option";
  /** ProGet's name for it in rule files, where ProGet counts in another unit. */
  readonly alias?: { readonly name: string; readonly unit: string };
  /** It has an effect only with one of these. */
  readonly needs?: readonly CriterionName[];
  /** A rule cannot have it together with these. */
  readonly excludes?: { readonly names: readonly CriterionName[]; readonly why: string };
  /** It depends on the recorded downloads. */
  readonly needsUsage?: true;
  /** Whether the criterion, with this value, excludes no item from deletion except those that its patterns name. */
  excludesNothing(value: Value<Name>): boolean;
  /** The value for SQL. Throws `usage` for one that is not valid for the feed's type. */
  query(value: Value<Name>, compiler: Compiler): Queried<Name> | Promise<Queried<Name>>;
  /** Its part of the sentence about what the rule deletes. */
  describe(value: Value<Name>, rule: RuleWords): string | undefined;
  /** Why the rule deletes an item that meets the criterion. */
  reason(value: Value<Name>, item: ItemWords): string | undefined;
  /** Why the rule does not delete an item that does not meet it. */
  unmet(value: Value<Name>, item: ItemWords): string | undefined;
}
