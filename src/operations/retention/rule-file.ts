import type { CriterionName, RetentionCriteria } from "../../catalog/schema/retention-criteria.ts";
import { FeedctlError } from "../../errors.ts";
import { parseYaml } from "../../formats/manifests/yaml.ts";
import { criteria, criterionNames, isCriterionName, parseCriterion, type RuleBody } from "./criteria.ts";

/** What a rule file says of one feed. What is absent stays as it is. */
export interface FeedGoals {
  feed: string;
  enabled: boolean | undefined;
  /** All rules of the feed, in their order. */
  rules: RuleBody[] | undefined;
  /** All protections of the feed, as `package protect` takes them. */
  protect: { what: string; reason: string | null }[] | undefined;
}

/**
 * Reads a rule file: `feeds`, an object with `rules`, `protect` and `enabled` for each feed's name. A rule has `name`,
 * `enabled`, `protectAcrossRules` and criteria, in the words of the command line or of ProGet. Throws `usage` with the
 * place that is wrong.
 */
export function readRetentionFile(text: string, file: string): FeedGoals[] {
  const wrong = (why: string, hint?: string) => new FeedctlError("usage", `${file}: ${why}`, { hint });
  const feeds = mapping(parse(), 'it has no object "feeds"')["feeds"];
  const seen = new Set<string>();
  return Object.entries(mapping(feeds, 'it has no object "feeds"')).map(([feed, goals]) => {
    const { rules, protect, enabled, ...rest } = mapping(goals, `feed ${feed} is no object`);
    if (seen.has(feed.toLowerCase())) throw wrong(`feed ${feed} stands there twice`);
    seen.add(feed.toLowerCase());
    for (const name of Object.keys(rest)) throw wrong(`feed ${feed} has no "${name}": rules, protect, enabled`);
    return {
      feed,
      enabled: enabled === undefined ? undefined : flag(enabled, `feed ${feed}: enabled`),
      rules:
        rules === undefined
          ? undefined
          : list(rules, `feed ${feed}: "rules"`).map((each, index) => ruleOf(each, `feed ${feed}, rule ${index + 1}`)),
      protect:
        protect === undefined
          ? undefined
          : list(protect, `feed ${feed}: "protect"`).map((each, index) =>
              protection(each, `feed ${feed}, protection ${index + 1}`),
            ),
    };
  });

  function parse(): unknown {
    try {
      return parseYaml(Buffer.from(text), "rule file"); // JSON is YAML, too
    } catch (error) {
      throw wrong(
        (error as Error).message.replace(/^its rule file /, "it "),
        "a pattern that begins with * stands in quotes",
      );
    }
  }

  function mapping(value: unknown, why: string): Record<string, unknown> {
    if (typeof value !== "object" || value === null || Array.isArray(value)) throw wrong(why);
    return value as Record<string, unknown>;
  }

  function list(value: unknown, where: string): unknown[] {
    if (value === "") return [];
    if (!Array.isArray(value)) throw wrong(`${where} is no list`);
    return value;
  }

  function flag(value: unknown, where: string): boolean {
    if (value !== "true" && value !== "false") throw wrong(`${where} is true or false`);
    return value === "true";
  }

  function ruleOf(value: unknown, where: string): RuleBody {
    const found: Record<string, unknown> = {};
    const rule: RuleBody = { name: null, enabled: true, protectAcrossRules: false, criteria: {} };
    for (const [key, given] of Object.entries(mapping(value, `${where} is no object`))) {
      const spelled = key.replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
      const aliased = criterionNames.find((each) => criteria[each].alias?.name === spelled);
      const name = aliased ?? spelled;
      if (name === "name") rule.name = given === "" ? null : String(given);
      else if (name === "enabled") rule.enabled = flag(given, `${where}: enabled`);
      else if (name === "protectAcrossRules") rule.protectAcrossRules = flag(given, `${where}: ${key}`);
      else if (!isCriterionName(name))
        throw wrong(`${where}: there is no criterion "${key}"`, "see: feedctl retention rule add --help");
      else if (name in found) throw wrong(`${where}: "${name}" stands there twice`);
      else found[name] = criterion(name, aliased === undefined ? given : withUnit(name, given), where);
    }
    const said = Object.entries(found).filter(([, each]) => each !== undefined);
    return { ...rule, criteria: Object.fromEntries(said) as RetentionCriteria };
  }

  function withUnit(name: CriterionName, given: unknown): unknown {
    return typeof given === "string" ? `${given}${criteria[name].alias?.unit ?? ""}` : given;
  }

  function criterion(name: CriterionName, given: unknown, where: string) {
    const { kind } = criteria[name].value;
    if (Array.isArray(given) ? kind !== "patterns" : typeof given !== "string")
      throw wrong(`${where}: "${name}" is ${kind === "patterns" ? "a list of patterns" : "one value"}`);
    const value = parsed();
    // "null" is how JSON says that nothing is there; without the criterion the rule would take more than is meant
    const isNothing = given === "" || given === "null" || given === "~";
    if (isNothing || (value === undefined && kind !== "flag"))
      throw wrong(`${where}: "${name}" is empty`, "leave it out if the rule is not to look at that");
    return value;

    function parsed() {
      try {
        return parseCriterion(name, given);
      } catch (error) {
        throw wrong(`${where}: ${(error as Error).message}`);
      }
    }
  }

  function protection(value: unknown, where: string): { what: string; reason: string | null } {
    if (typeof value === "string") return { what: value, reason: null };
    const { package: what, reason = "", ...rest } = mapping(value, `${where} is neither a text nor an object`);
    if (typeof what !== "string" || typeof reason !== "string" || Object.keys(rest).length > 0)
      throw wrong(`${where} has "package" and perhaps "reason"`);
    return { what, reason: reason === "" ? null : reason };
  }
}
