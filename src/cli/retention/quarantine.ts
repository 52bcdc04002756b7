import type { Command } from "commander";
import { Argument } from "commander";
import { formatSize } from "../../lib/text/format-size.ts";
import type { Edge } from "../frame/edge.ts";
import { feedArgument } from "../frame/parsers.ts";
import type { HiddenPackage } from "../../operations/retention/quarantine.ts";
import type { Column } from "../frame/output.ts";
import type { HiddenResult, RestoredResult } from "../results/schemas/retention.ts";

export function addQuarantine(retention: Command, edge: Edge): void {
  retention
    .command("quarantine")
    .description("list what retention has hidden, and when it will be deleted")
    .addArgument(feedArgument())
    .action(async (feed: string, _options, command) =>
      edge.act<HiddenResult>(command, async (context, out) => {
        const { listHiddenPackages } = await import("../../operations/retention/quarantine.ts");
        const day = (date: Date) => date.toISOString().slice(0, 16).replace("T", " ");
        const { hiddenResult } = await import("../results/retention.ts");
        const columns: Column<HiddenPackage>[] = [
          { title: "name", value: (row) => (row.group === "" ? row.name : `${row.group}/${row.name}`) },
          { title: "version", value: (row) => row.version },
          { title: "size", value: (row) => formatSize(row.bytes), right: true },
          { title: "hidden", value: (row) => day(row.hiddenAt) },
          { title: "until", value: (row) => day(row.until) },
          { title: "rule", value: (row) => row.ruleName ?? String(row.rule) },
          { title: "reason", value: (row) => row.reason },
        ];
        await out.table(await listHiddenPackages(context, feed), columns, hiddenResult);
      }),
    );

  retention
    .command("restore")
    .description("bring back what retention has hidden")
    .addArgument(feedArgument())
    .addArgument(
      new Argument(
        "<package>",
        "[group/]name[@version], where * matches any text; without a version all that are hidden",
      ),
    )
    .option("--protect", "protect it as well, else the next run may hide it again")
    .action(async (feed: string, text: string, options, command) =>
      edge.act<RestoredResult>(command, async (context, out) => {
        const { restorePackage } = await import("../../operations/retention/quarantine.ts");
        const { restoredResult } = await import("../results/retention.ts");
        const restored = await restorePackage(context, feed, text, { protect: options.protect });
        await out.result(
          restoredResult(restored),
          `restored ${text}${restored.versions.length > 1 ? `: ${restored.versions.length} versions` : ""}`,
        );
        const advice = text.includes("*") ? "" : `; to prevent that: feedctl package protect ${restored.feed} ${text}`;
        if (!restored.protected) out.note(`the next run may hide it again${advice}`);
      }),
    );
}
