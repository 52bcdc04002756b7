import { Argument, Command, Option, type CommandUnknownOpts, type OptionValues } from "commander";
import type { RetentionCriteria } from "../../catalog/schema/retention-criteria.ts";
import { FeedctlError } from "../../errors.ts";
import { criteria, criterionNames, parseCriterion, type RetentionRule } from "../../operations/retention/criteria.ts";
import type { RuleChange, RuleOfFeed } from "../../operations/retention/rules.ts";
import type { PatternMatch } from "../../operations/retention/test-pattern.ts";
import type { Edge } from "../frame/edge.ts";
import type { Column } from "../frame/output.ts";
import { feedArgument, wholeNumber } from "../frame/parsers.ts";
import type { PatternMatchResult, RuleResult } from "../results/schemas/retention.ts";

const ruleArgument = () => new Argument("<rule>", "position or name of the rule");
const position = wholeNumber(1, 10_000);

export function ruleCommand(edge: Edge): CommandUnknownOpts {
  const rule = new Command("rule").description("what retention deletes: rules of a feed, in their order");

  addCriteria(
    rule
      .command("add")
      .description("add a rule at the end; within a rule all criteria must hold")
      .addArgument(feedArgument())
      .option("--name <name>", "name of the rule")
      .option("--at <position>", "its position, instead of the last", position)
      .option("--disabled", "add it switched off")
      .option("--protect-across-rules", "what this rule keeps, no other rule deletes"),
    false,
  )
    .addHelpText("after", examples)
    .action(async (feed: string, options, command) =>
      edge.act<RuleResult>(command, async (context, out) => {
        const { changedRuleResult } = await import("../results/retention.ts");
        const { addRetentionRule } = await import("../../operations/retention/rules.ts");
        const chosen = givenCriteria(options);
        const empty = criterionNames.find((name) => name in chosen && chosen[name] === undefined);
        // a script's unset variable: without the criterion the rule would delete more than intended
        if (empty !== undefined)
          throw new FeedctlError("usage", `--${criteria[empty].flag} is given without a value`, {
            hint: "to not use the criterion, leave the option out",
          });
        const body = {
          name: options.name ?? null,
          enabled: options.disabled !== true,
          protectAcrossRules: options.protectAcrossRules === true,
          criteria: chosen as RetentionCriteria,
        };
        const added = await addRetentionRule(context, feed, body, options.at);
        await out.result(changedRuleResult(added), `added ${await describe(added)}`);
        for (const warning of added.warnings) out.warn(warning);
      }),
    );

  rule
    .command("list")
    .description("list the rules of a feed in the order in which they run")
    .addArgument(feedArgument())
    .action(async (feed: string, _options, command) =>
      edge.act<RuleResult>(command, async (context, out) => {
        const { ruleResult } = await import("../results/retention.ts");
        const { listRetentionRules } = await import("../../operations/retention/rules.ts");
        const { describeCriteria } = await import("../../operations/retention/words.ts");
        const { feedType, enabled, rules } = await listRetentionRules(context, feed);
        if (!enabled) out.warn(`retention is off for feed ${feed}: feedctl feed set ${feed} --retention`);
        const columns: Column<RetentionRule>[] = [
          { title: "rule", value: (each) => String(each.position), right: true },
          { title: "name", value: (each) => each.name ?? "" },
          { title: "state", value: (each) => (each.enabled ? "on" : "off") },
          {
            title: "deletes",
            value: (each) =>
              [
                ...describeCriteria(feedType, each.criteria),
                ...(each.protectAcrossRules ? ["keeps across rules"] : []),
              ].join("; "),
          },
        ];
        await out.table(rules, columns, ruleResult);
      }),
    );

  rule
    .command("show")
    .description("show one rule")
    .addArgument(feedArgument())
    .addArgument(ruleArgument())
    .action(async (feed: string, which: string, _options, command) =>
      edge.act<RuleResult>(command, async (context, out) => {
        const { ruleResult } = await import("../results/retention.ts");
        const { showRetentionRule } = await import("../../operations/retention/rules.ts");
        const { describeCriteria } = await import("../../operations/retention/words.ts");
        const { feedType, rule: shown } = await showRetentionRule(context, feed, which);
        await out.result(ruleResult(shown), [
          `rule:     ${shown.position}`,
          `name:     ${shown.name ?? "(none)"}`,
          `state:    ${shown.enabled ? "on" : "off"}`,
          ...(shown.protectAcrossRules ? ["keeps:    across rules"] : []),
          ...describeCriteria(feedType, shown.criteria).map(
            (piece, index) => `${index === 0 ? "deletes:" : "        "}  ${piece}`,
          ),
        ]);
      }),
    );

  addCriteria(
    rule
      .command("set")
      .description("change the given criteria of a rule; an empty value (--keep-versions-count=) removes one")
      .addArgument(feedArgument())
      .addArgument(ruleArgument())
      .option("--name <name>", "name of the rule; empty removes it")
      .option("--enabled", "switch it on")
      .option("--no-enabled", "switch it off")
      .option("--protect-across-rules", "what this rule keeps, no other rule deletes")
      .option("--no-protect-across-rules", "what this rule keeps, other rules may delete"),
    true,
  ).action(async (feed: string, which: string, options, command) =>
    edge.act<RuleResult>(command, async (context, out) => {
      const { changedRuleResult } = await import("../results/retention.ts");
      const { setRetentionRule } = await import("../../operations/retention/rules.ts");
      const change: RuleChange = { criteria: givenCriteria(options) };
      if (options.name !== undefined) change.name = options.name === "" ? null : options.name;
      if (options.enabled !== undefined) change.enabled = options.enabled;
      if (options.protectAcrossRules !== undefined) change.protectAcrossRules = options.protectAcrossRules;
      if (Object.keys(change).length === 1 && Object.keys(change.criteria).length === 0)
        throw new FeedctlError("usage", "nothing to change is given", {
          hint: "see: feedctl retention rule set --help",
        });
      const changed = await setRetentionRule(context, feed, which, change);
      await out.result(changedRuleResult(changed), `changed ${await describe(changed)}`);
      for (const warning of changed.warnings) out.warn(warning);
    }),
  );

  rule
    .command("move")
    .description("move a rule to another position: rules run in order")
    .addArgument(feedArgument())
    .addArgument(ruleArgument())
    .addArgument(new Argument("<position>", "new position, from 1").argParser(position))
    .action(async (feed: string, which: string, to: number, _options, command) =>
      edge.act<RuleResult>(command, async (context, out) => {
        const { ruleResult } = await import("../results/retention.ts");
        const { moveRetentionRule } = await import("../../operations/retention/rules.ts");
        const moved = await moveRetentionRule(context, feed, which, to);
        await out.result(ruleResult(moved.rule), `moved to ${await describe(moved)}`);
      }),
    );

  rule
    .command("remove")
    .description("remove a rule; nothing else changes")
    .addArgument(feedArgument())
    .addArgument(ruleArgument())
    .action(async (feed: string, which: string, _options, command) =>
      edge.act<RuleResult>(command, async (context, out) => {
        const { ruleResult } = await import("../results/retention.ts");
        const { removeRetentionRule } = await import("../../operations/retention/rules.ts");
        const removed = await removeRetentionRule(context, feed, which);
        await out.result(ruleResult(removed.rule), `removed ${await describe(removed)}`);
      }),
    );

  addTest(rule, edge);
  return rule;
}

function addTest(rule: Command, edge: Edge): void {
  rule
    .command("test")
    .description("print what a pattern matches in a feed now: names and versions, or paths")
    .addArgument(feedArgument())
    .argument("<pattern>", "as in --keep-package-ids and --keep-versions; only * is a wildcard")
    .action(async (feed: string, pattern: string, _options, command) =>
      edge.act<PatternMatchResult>(command, async (context, out) => {
        const { testPattern } = await import("../../operations/retention/test-pattern.ts");
        const { matchResult } = await import("../results/retention.ts");
        const columns: Column<PatternMatch>[] = [
          { title: "what", value: (each) => each.what },
          { title: "name", value: (each) => each.name },
          { title: "version", value: (each) => each.version ?? "" },
        ];
        const found = await out.table(testPattern(context, feed, pattern), columns, matchResult);
        if (found === 0) out.note(`"${pattern}" matches nothing in feed ${feed}`);
      }),
    );
}

const examples = `
Patterns: * matches any text; commas separate several; letter case is ignored. docs/retention.md explains each criterion.

Examples:
  $ feedctl retention rule add internal --delete-prerelease-versions --keep-versions-count 3 --older-than-days 30
  $ feedctl retention rule add internal --delete-cached --keep-used-within-days 90
  $ feedctl retention rule add internal --size-trigger 200G --keep-last-stable`;

/** Adds every criterion as an option, for `givenCriteria`. With `toChange`, flags also get a `--no-` form. */
function addCriteria<Args extends unknown[], Options extends OptionValues>(
  command: Command<Args, Options>,
  toChange: boolean,
): Command<Args, Options> {
  for (const { flag, shortFlag, value, placeholder, help } of Object.values(criteria)) {
    const isFlag = value.kind === "flag";
    const flags = shortFlag === undefined ? `--${flag}` : `--${shortFlag}, --${flag}`;
    command.addOption(new Option(isFlag ? flags : `${flags} <${placeholder}>`, help).helpGroup("Criteria:"));
    if (toChange && isFlag) command.addOption(new Option(`--no-${flag}`, "the opposite").hideHelp());
  }
  return command;
}

/** The criteria given on the command line; the value is undefined where an empty one was given. */
function givenCriteria(options: Record<string, unknown>): RuleChange["criteria"] {
  return Object.fromEntries(
    criterionNames
      .filter((name) => options[name] !== undefined)
      .map((name) => [name, parseCriterion(name, options[name])]),
  );
}

async function describe({ feedType, rule }: RuleOfFeed): Promise<string> {
  const { describeCriteria } = await import("../../operations/retention/words.ts");
  const state = rule.enabled ? "" : " (off)";
  const across = rule.protectAcrossRules ? "; keeps across rules" : "";
  return `rule ${rule.position}${rule.name === null ? "" : ` "${rule.name}"`}${state}: ${describeCriteria(feedType, rule.criteria).join("; ")}${across}`;
}
