import type { CriterionName, RetentionCriteria } from "../../catalog/schema/retention-criteria.ts";
import { FeedctlError } from "../../errors.ts";
import { createYamlPlaces, placeIn, type TextPosition } from "../../formats/manifests/yaml-places.ts";
import { parseYaml } from "../../formats/manifests/yaml.ts";
import { criteria, criterionNames, isCriterionName, parseCriterion, type RuleBody } from "./criteria.ts";

/** One feed in a rule file. Members that are undefined leave the feed's state unchanged. */
export interface FeedGoals {
  feed: string;
  enabled: boolean | undefined;
  /** All rules of the feed, in order. */
  rules: RuleBody[] | undefined;
  /** All protections of the feed; `what` has the form that `package protect` accepts. */
  protect: { what: string; reason: string | null }[] | undefined;
  /** Where the feed and each of its rules and protections are, as `rules.yaml:3:5`. */
  places: { feed: string; rules: string[]; protect: string[] };
}

/**
 * Parses a rule file: `feeds` maps feed names to objects with `rules`, `protect` and `enabled`. A rule has `name`,
 * `enabled`, `protectAcrossRules` and criteria, named as on the command line or as in ProGet. Throws `usage` naming the
 * file and the position in it. `acceptEmpty`: a `protect` without a value means no protections, as `[]` does.
 */
export function readRetentionFile(
  text: string,
  file: string,
  { acceptEmpty = false }: { acceptEmpty?: boolean | undefined } = {},
): FeedGoals[] {
  const { wrong, parse, at, place, entries, mapping, list, flag } = openRuleFile(text, file);
  const feeds = mapping(parse(), 'it has no object "feeds"')["feeds"];
  const seen = new Set<string>();
  return Array.from(entries(mapping(feeds, 'it has no object "feeds"')), ([feed, goals]) => {
    const places: FeedGoals["places"] = { feed: place(), rules: [], protect: [] };
    const { rules, protect, enabled, ...rest } = mapping(goals, `feed ${feed} is not an object`);
    if (seen.has(feed.toLowerCase())) throw wrong(`feed ${feed} is listed twice`);
    seen.add(feed.toLowerCase());
    for (const [name] of entries(rest, goals))
      throw wrong(`feed ${feed}: unknown member "${name}"`, "known members: rules, protect, enabled");
    return {
      feed,
      enabled: enabled === undefined ? undefined : at(goals, "enabled", () => flag(enabled, `feed ${feed}: enabled`)),
      rules:
        rules === undefined
          ? undefined
          : at(goals, "rules", () => list(rules, `feed ${feed}: "rules"`)).map((each, index, all) =>
              at(all, index, () => {
                places.rules.push(place());
                return ruleOf(each, `feed ${feed}, rule ${index + 1}`);
              }),
            ),
      protect:
        protect === undefined
          ? undefined
          : at(goals, "protect", () => protections(protect, feed)).map((each, index, all) =>
              at(all, index, () => {
                places.protect.push(place());
                return protection(each, `feed ${feed}, protection ${index + 1}`);
              }),
            ),
      places,
    };
  });

  function protections(value: unknown, feed: string): unknown[] {
    if (isNothing(value) && !acceptEmpty)
      throw wrong(
        `feed ${feed}: "protect" is empty, which would remove all protections`,
        "to change none, leave it out; to remove all, write [] or give --yes",
      );
    return list(isNothing(value) ? "" : value, `feed ${feed}: "protect"`);
  }

  function ruleOf(value: unknown, where: string): RuleBody {
    const found: Record<string, unknown> = {};
    const rule: RuleBody = { name: null, enabled: true, protectAcrossRules: false, criteria: {} };
    for (const [key, given] of entries(mapping(value, `${where} is not an object`))) {
      const spelled = key.replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
      const aliased = criterionNames.find((each) => criteria[each].alias?.name === spelled);
      const name = aliased ?? spelled;
      if (name === "name") rule.name = isNothing(given) ? null : String(given);
      else if (name === "enabled") rule.enabled = flag(given, `${where}: enabled`);
      else if (name === "protectAcrossRules") rule.protectAcrossRules = flag(given, `${where}: ${key}`);
      else if (!isCriterionName(name))
        throw wrong(`${where}: there is no criterion "${key}"`, "see: feedctl retention rule add --help");
      else if (name in found) throw wrong(`${where}: "${name}" is given twice`);
      else found[name] = criterion(name, aliased === undefined ? given : withUnit(name, given), where);
    }
    const present = Object.entries(found).filter(([, each]) => each !== undefined);
    return { ...rule, criteria: Object.fromEntries(present) as RetentionCriteria };
  }

  function withUnit(name: CriterionName, given: unknown): unknown {
    return typeof given === "string" ? `${given}${criteria[name].alias?.unit ?? ""}` : given;
  }

  function criterion(name: CriterionName, given: unknown, where: string) {
    const { kind } = criteria[name].value;
    if (Array.isArray(given) ? kind !== "patterns" : typeof given !== "string")
      throw wrong(`${where}: "${name}" must be ${kind === "patterns" ? "a list of patterns" : "one value"}`);
    const value = parsed();
    // an empty value is rejected: without the criterion the rule would delete more than intended
    if (isNothing(given) || (value === undefined && kind !== "flag"))
      throw wrong(`${where}: "${name}" is empty`, "to not use the criterion, leave it out");
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
    const { package: what, reason = "", ...rest } = mapping(value, `${where} is neither a string nor an object`);
    if (typeof what !== "string" || typeof reason !== "string" || Object.keys(rest).length > 0)
      throw wrong(`${where} must have "package" and may have "reason", nothing else`);
    return { what, reason: isNothing(reason) ? null : reason };
  }
}

/** Whether a scalar is empty or null. The reader returns all scalars as text. */
function isNothing(value: unknown): boolean {
  return value === "" || value === "null" || value === "~";
}

/** How the members of a rule file are read: each error names the file and the position of the member that is read. */
function openRuleFile(text: string, file: string) {
  const places = createYamlPlaces();
  // the member that is read now: an error is about it
  let here: TextPosition | undefined;
  const place = () => placeIn(file, places.failure() ?? here);
  const wrong = (why: string, hint?: string) => new FeedctlError("usage", `${place()}: ${why}`, { hint });
  return { wrong, parse, at, place, entries, mapping, list, flag };

  function parse(): unknown {
    try {
      return parseYaml(Buffer.from(text), "rule file", { places }); // JSON is a subset of YAML
    } catch (error) {
      throw wrong(
        (error as Error).message.replace(/^its rule file /, "it "),
        "a pattern that begins with * needs quotes",
      );
    }
  }

  /** Calls `read`; what it throws names the position of the member of `container`. */
  function at<T>(container: unknown, member: string | number, read: () => T): T {
    here = places.of(container as object, member) ?? here;
    return read();
  }

  /** The members of an object, each noted as the one that is read. `container`: the object that they were taken from. */
  function* entries(object: Record<string, unknown>, container: unknown = object): Generator<[string, unknown]> {
    for (const [name, value] of Object.entries(object)) {
      here = places.of(container as object, name) ?? here;
      yield [name, value];
    }
  }

  function mapping(value: unknown, why: string): Record<string, unknown> {
    if (typeof value !== "object" || value === null || Array.isArray(value)) throw wrong(why);
    return value as Record<string, unknown>;
  }

  function list(value: unknown, where: string): unknown[] {
    if (value === "") return [];
    if (!Array.isArray(value)) throw wrong(`${where} is not a list`);
    return value;
  }

  function flag(value: unknown, where: string): boolean {
    if (value !== "true" && value !== "false") throw wrong(`${where} must be true or false`);
    return value === "true";
  }
}
