import { Command, InvalidArgumentError, Option, type CommandUnknownOpts } from "commander";
import { FeedctlError } from "../../errors.ts";
import { counted, formatSize } from "../../lib/text/format-size.ts";
import type { RuleVerdict } from "../../operations/retention/explain.ts";
import type { PlannedDeletion, RetentionPlan } from "../../operations/retention/plan.ts";
import { itemOf } from "../../operations/retention/terms.ts";
import { confirm, type Edge } from "../frame/edge.ts";
import type { Column, Output } from "../frame/output.ts";
import { feedArgument, parseAge, wholeNumber } from "../frame/parsers.ts";
import { addApply } from "./apply.ts";
import { addQuarantine } from "./quarantine.ts";
import { nameOf, reportRetention } from "./report.ts";
import { ruleCommand } from "./rule.ts";
import type { ExplanationResult, RetentionLine, RetentionPlanResult } from "../results/schemas/retention.ts";

export function retentionCommand(edge: Edge): CommandUnknownOpts {
  const retention = new Command("retention").description("delete old packages and assets by rules");
  retention.addCommand(ruleCommand(edge));
  addPlan(retention, edge);
  addRun(retention, edge);
  addApply(retention, edge);
  addQuarantine(retention, edge);
  return retention;
}

function addPlan(retention: Command, edge: Edge): void {
  retention
    .command("plan")
    .description("print what the rules of a feed would delete now, and why; nothing is deleted")
    .addArgument(feedArgument())
    .option("--csv", "print comma-separated values, with a header line")
    .option("--explain <package@version>", "why this version, or the file at this path, stays or goes, rule by rule")
    .action(async (feed: string, options, command) =>
      edge.act<RetentionPlanResult | ExplanationResult>(command, async (context, out) => {
        if (options.explain !== undefined) {
          const { explainRetention } = await import("../../operations/retention/explain.ts");
          const explanation = await explainRetention(context, feed, options.explain);
          const name = nameOf(explanation);
          const { explanationResult } = await import("../results/retention.ts");
          return out.result(explanationResult(explanation), [
            `${name} ${explanation.goes ? "goes" : "stays"}`,
            ...explanation.verdicts.map(
              ({ rule, ruleName, verdict, reason }) =>
                `  rule ${rule}${ruleName === null ? "" : ` "${ruleName}"`} ${verdictWords[verdict]}: ${reason}`,
            ),
            ...(explanation.verdicts.length === 0 ? ["  the feed has no retention rules"] : []),
          ]);
        }
        const { planRetention } = await import("../../operations/retention/plan.ts");
        if (options.csv && out.options.json) throw new FeedctlError("usage", "give --json or --csv, not both");
        await using plan = await planRetention(context, feed);
        if (!plan.feed.retention_rules_enabled)
          out.warn(`retention is off for feed ${plan.feed.name}: no run deletes this`);
        if (plan.rules.length === 0) out.note(`feed ${plan.feed.name} has no retention rules`);
        await (options.csv ? printCsv(out, plan) : printPlan(out, plan));
      }),
    );
}

const verdictWords: Record<RuleVerdict["verdict"], string> = {
  deletes: "deletes it",
  passes: "does not select it",
  keeps: "keeps it",
  spared: "does not need to delete it",
  protected: "may not delete it",
  gone: "does not find it",
  off: "does nothing",
};

async function printPlan(out: Output<RetentionPlanResult>, plan: RetentionPlan): Promise<void> {
  if (!out.options.json) return printTable(out, plan);
  const { plannedDeletionResult, planHead } = await import("../results/retention.ts");
  const head = planHead(plan);
  await out.document(plan.versions(), plannedDeletionResult, (rows) => ({ ...head, delete: rows }));
}

async function printTable(out: Output<never>, plan: RetentionPlan): Promise<void> {
  const { feed, sums, total, folders } = plan;
  const columns: Column<PlannedDeletion>[] = [
    { title: "name", value: (row) => (row.group === "" ? row.name : `${row.group}/${row.name}`) },
    { title: "version", value: (row) => row.version },
    { title: "size", value: (row) => formatSize(row.bytes), right: true },
    { title: "rule", value: (row) => row.ruleName ?? String(row.rule) },
    { title: "reason", value: (row) => row.reason },
  ];
  await out.printTable(plan.versions(), columns);
  const kept = sums.protected === 0 ? "" : `; ${sums.protected} protected`;
  const emptied = folders === 0 ? "" : `; ${counted(folders, "folder")} with them`;
  await out.lines(
    `would delete ${counted(total.versions, itemOf(feed.type))} (${formatSize(total.bytes)}) of ${sums.feed.versions} (${formatSize(sums.feed.bytes)})${kept}${emptied}`,
  );
}

async function printCsv(out: Output<never>, plan: RetentionPlan): Promise<void> {
  const cell = (value: string | number | null) => {
    const text = String(value ?? "");
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  await out.lines("group,name,version,bytes,rule,ruleName,reason");
  for await (const { group, name, version, bytes, rule, ruleName, reason } of plan.versions())
    await out.lines([group, name, version, bytes, rule, ruleName, reason].map(cell).join(","));
}

function addRun(retention: Command, edge: Edge): void {
  retention
    .command("run")
    .description("delete what the rules say: rows first, then files")
    .argument("[feed...]", "names of the feeds")
    .option("--feed <names>", "the same, separated by commas")
    .option("--all", "every feed")
    .option("--dry-run", "only print what would be deleted")
    .option("--yes", "do not ask, and delete by use although recent logs were not understood")
    .addOption(
      new Option(
        "--max-delete <count>",
        "refuse to delete more versions or files than this, or this percentage (default: 99%, from 100 on)",
      ).argParser(parseMost),
    )
    .option(
      "--quarantine <days>",
      "hide versions for this many days before a later run deletes them; not for asset directories",
      wholeNumber(1, 3650),
    )
    .option(
      "--assume-unused",
      "delete by use although no counted log covers some of the days that a rule looks at; needs --quarantine",
    )
    .option("--max-duration <time>", "start no batch after this time; the next run continues", parseAge)
    .addHelpText(
      "after",
      `
Examples:
  $ feedctl retention run internal --dry-run
  $ feedctl retention run --all --yes --quiet --max-delete 10% --max-duration 2h     # every night; in a crontab: 10\\%`,
    )
    .action(async (named: string[], options, command) =>
      edge.act<RetentionLine>(command, async (context, out) => {
        const { runRetention } = await import("../../operations/retention/run.ts");
        const listed = [...named, ...(options.feed ?? "").split(",")].map((name: string) => name.trim());
        const feeds = [...new Set(listed.filter((name) => name !== ""))];
        if (options.all === true ? feeds.length > 0 : feeds.length === 0)
          throw new FeedctlError("usage", "name the feeds, or give --all");
        if (!options.dryRun && !options.yes && !edge.io.stdin.isTTY)
          await confirm(edge.io, `delete what the retention rules of ${feeds.join(", ") || "all feeds"} select`, false);
        const events = runRetention(context, {
          feeds: options.all ? "all" : feeds,
          dryRun: options.dryRun,
          maxDelete: options.maxDelete,
          quarantineDays: options.quarantine,
          maxDuration: options.maxDuration,
          acceptMissingUse: options.yes,
          assumeUnused: options.assumeUnused,
          approve: (_plan, what) => confirm(edge.io, what, options.yes),
        });
        return reportRetention(out, events);
      }),
    );
}

function parseMost(text: string): { versions: number } | { percent: number } {
  const match = /^([0-9]+(?:\.[0-9]+)?)(%?)$/.exec(text);
  if (match === null || (match[2] === "" && text.includes(".")) || (match[2] === "%" && Number(match[1]) > 100))
    throw new InvalidArgumentError("It must be a number of versions, or a percentage such as 10%.");
  return match[2] === "%" ? { percent: Number(match[1]) } : { versions: Number(match[1]) };
}
