import { Command, Option, type CommandUnknownOpts } from "commander";
import { counted, formatSize } from "../lib/text/format-size.ts";
import type { AdoptedBlob } from "../operations/adopt/outcome.ts";
import type { Edge } from "./frame/edge.ts";
import { createItemLines } from "./frame/item-lines.ts";
import { feedArgument } from "./frame/parsers.ts";
import type { AdoptLine } from "./results/schemas/import.ts";

export function adoptCommand(edge: Edge): CommandUnknownOpts {
  return new Command("adopt")
    .description("catalogue the packages that are already in a feed's store, in place")
    .addArgument(feedArgument())
    .addOption(
      new Option("--published-from <what>", "publish date of new versions: the blob's time, or now").choices([
        "file",
        "now",
      ]),
    )
    .option("--distribution <name>", "Debian: distribution of the packages (as in the key, else stable)")
    .option("--component <name>", "Debian: component of the packages (as in the key, else main)")
    .option("--dry-run", "only print what would be adopted")
    .addHelpText(
      "after",
      `
No file is moved or changed. Files that are not packages of the feed's type are reported and left.

Examples:
  $ feedctl store set net disk --path /srv/proget/packages/.nugetv2/F1
  $ feedctl adopt net --published-from file`,
    )
    .action(async (feed: string, options, command) =>
      edge.act<AdoptLine>(command, async (context, out) => {
        const { adoptFeed } = await import("../operations/adopt/adopt.ts");
        const { adoptLine } = await import("./results/import.ts");
        const { dryRun, distribution, component, publishedFrom } = options;
        await out.progress.start(`adopting the files in the store of ${feed}`);
        let failures = 0;
        const lines = createItemLines(out);
        for await (const event of adoptFeed(context, { feed, dryRun, publishedFrom, distribution, component })) {
          if (event.type === "file") {
            out.progress.step(event.status === "adopted" ? (event.size ?? 0) : 0);
            const isGood = event.status === "adopted" || event.status === "existing" || event.status === "skipped";
            const isPlain = isGood && (out.options.quiet || event.warnings.length === 0);
            await out.event(adoptLine(event), lines.wants(isPlain) ? describe(event, dryRun) : undefined);
            continue;
          }
          out.progress.stop();
          lines.end();
          failures = event.conflicts + event.invalid + event.failed;
          const parts = [
            `${dryRun ? "would adopt" : "adopted"} ${counted(event.adopted, "file")} (${formatSize(event.bytes)})`,
            `${event.existing} already there`,
            counted(event.conflicts, "conflict"),
            `${event.invalid} invalid`,
            `${event.failed} failed`,
            event.skipped > 0 ? `${event.skipped} skipped` : "",
          ];
          await out.event(adoptLine(event), parts.filter((part) => part !== "").join(", "));
          if (event.leadingSlash > 0)
            out.warn(
              `the names of ${counted(event.leadingSlash, "blob")} begin with a slash, which keys cannot; copy these blobs to names without it, then adopt again (a target path of / in Azure creates such names)`,
            );
        }
        return failures > 0 ? 3 : 0;
      }),
    );
}

const words: Record<AdoptedBlob["status"], string> = {
  adopted: "adopted",
  existing: "existing",
  skipped: "skipped",
  conflict: "CONFLICT",
  invalid: "INVALID",
  failed: "FAILED",
};

function describe(blob: AdoptedBlob, dryRun: boolean | undefined): string {
  const name = blob.name === null ? "" : `${blob.group ? `${blob.group}/` : ""}${blob.name} ${blob.version} at `;
  const word = dryRun && blob.status === "adopted" ? "new" : words[blob.status];
  const why = blob.reason === null ? "" : `: ${blob.reason}`;
  const warnings = blob.warnings.length === 0 ? "" : ` (${blob.warnings.join("; ")})`;
  return `${word.padEnd(8)}  ${name}${blob.file}${why}${warnings}`;
}
