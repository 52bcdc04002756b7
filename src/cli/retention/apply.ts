import type { Command } from "commander";
import { FeedctlError } from "../../errors.ts";
import { counted } from "../../lib/text/format-size.ts";
import type { RetentionChange } from "../../operations/retention/apply.ts";
import type { Edge } from "../frame/edge.ts";
import type { RetentionApplyResult } from "../results/schemas/retention.ts";

export function addApply(retention: Command, edge: Edge): void {
  retention
    .command("apply")
    .description("replace the rules of feeds with those of a YAML or JSON file, and print what changed")
    .argument("<file>", "the file; - for standard input")
    .option("--dry-run", "only print what would change")
    .option("--yes", "remove all protections of a feed whose list of them is empty")
    .addHelpText(
      "after",
      `
Feeds that the file does not name, and parts that it leaves out, stay unchanged.

Example:
  feeds:
    internal:
      rules:
        - name: old prereleases
          deletePrereleaseVersions: true
          olderThanDays: 30
          keepVersionsCount: 3
      protect:
        - package: core@1.*
          reason: long-term support`,
    )
    .action(async (file: string, options, command) =>
      edge.act<RetentionApplyResult>(command, async (context, out) => {
        const { applyRetention } = await import("../../operations/retention/apply.ts");
        const { readRetentionFile } = await import("../../operations/retention/rule-file.ts");
        const { changeResult } = await import("../results/retention.ts");
        const goals = readRetentionFile(await textOf(file), file === "-" ? "standard input" : file, {
          acceptEmpty: options.yes,
        });
        const { changes, warnings } = await applyRetention(context, goals, { dryRun: options.dryRun });
        const text = changes.flatMap(linesOf);
        const sum = `${options.dryRun ? "would make " : ""}${counted(changes.length, "change")} in ${counted(goals.length, "feed")}`;
        const result = { dryRun: options.dryRun === true, changes: changes.map(changeResult), warnings };
        await out.result(result, [...text, sum]);
        for (const warning of warnings) out.warn(warning);

        async function textOf(name: string): Promise<string> {
          if (name === "-") return Buffer.concat(await edge.io.stdin.toArray({ signal: edge.io.signal })).toString();
          const { resolve } = await import("node:path");
          try {
            return await context.readFile(resolve(edge.io.cwd, name));
          } catch (error) {
            throw new FeedctlError("not-found", `could not read ${name}: ${(error as Error).message}`, {
              cause: error,
            });
          }
        }
      }),
    );
}

function linesOf({ feed, what, name, before, after, change }: RetentionChange): string[] {
  const of = `${feed}: ${what === "enabled" ? "" : `${what} `}${name}`;
  const line = (sign: string, words: string | null) => `${sign} ${of}${words === null ? "" : `: ${words}`}`;
  switch (change) {
    case "added":
      return [line("+", after)];
    case "removed":
      return [line("-", before)];
    case "changed":
    case "moved":
      return [line("-", before), line("+", after)];
  }
}
