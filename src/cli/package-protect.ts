import { Argument, type Command } from "commander";
import type { Edge } from "./frame/edge.ts";
import { feedArgument } from "./frame/parsers.ts";
import type { Protection } from "../operations/retention/protections.ts";
import type { Column } from "./frame/output.ts";
import type { ProtectedResult, ProtectionResult } from "./results/schemas/package.ts";

const pattern = () =>
  new Argument("<pattern>", "[group/]name[@version], or a path; * matches any text; without a version all of them");

export function addProtection(packages: Command, edge: Edge): void {
  packages
    .command("protect")
    .description("protect versions from all retention rules, also those imported later")
    .addArgument(feedArgument())
    .addArgument(pattern())
    .option("--reason <text>", "why, shown by package protected")
    .action(async (feed: string, text: string, options, command) =>
      edge.act<ProtectedResult>(command, async (context, out) => {
        const { protectPackage } = await import("../operations/retention/protections.ts");
        const { protectedResult } = await import("./results/package.ts");
        const done = await protectPackage(context, feed, text, options.reason ?? null);
        await out.result(protectedResult(done), `${done.changed ? "protected" : "already protected:"} ${done.pattern}`);
        if (done.versions === 0)
          out.warn(
            `it protects nothing now: feed ${done.feed} has none such; see: feedctl retention rule test ${done.feed} PATTERN`,
          );
      }),
    );

  packages
    .command("unprotect")
    .description("remove a protection, by the pattern it was given with")
    .addArgument(feedArgument())
    .addArgument(pattern())
    .action(async (feed: string, text: string, _options, command) =>
      edge.act<ProtectedResult>(command, async (context, out) => {
        const { unprotectPackage } = await import("../operations/retention/protections.ts");
        const { protectedResult } = await import("./results/package.ts");
        const done = await unprotectPackage(context, feed, text);
        await out.result(protectedResult(done), `${done.pattern} is no longer protected`);
      }),
    );

  packages
    .command("protected")
    .description("list what is protected from retention")
    .addArgument(feedArgument())
    .action(async (feed: string, _options, command) =>
      edge.act<ProtectionResult>(command, async (context, out) => {
        const { listProtected } = await import("../operations/retention/protections.ts");
        const { protectionResult } = await import("./results/package.ts");
        const columns: Column<Protection>[] = [
          { title: "package", value: (row) => row.package },
          { title: "version", value: (row) => row.version },
          { title: "since", value: (row) => row.createdAt.toISOString().slice(0, 10) },
          { title: "by", value: (row) => row.createdBy },
          { title: "reason", value: (row) => row.reason ?? "" },
        ];
        await out.table(await listProtected(context, feed), columns, protectionResult);
      }),
    );
}
