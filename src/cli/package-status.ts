import { Argument, Command, Option } from "commander";
import { FeedctlError } from "../errors.ts";
import type { StatusOfVersion, VersionStatus } from "../operations/packages/status.ts";
import type { DistTag, TagChange } from "../operations/packages/tags.ts";
import type { Edge } from "./frame/edge.ts";
import type { Column, Output } from "./frame/output.ts";
import { feedArgument } from "./frame/parsers.ts";
import type { DistTagResult, PackageStatusResult, TagChangeResult } from "./results/schemas/package.ts";

export function addStatus(packages: Command, edge: Edge): void {
  packages
    .command("status")
    .description("show or change the status of versions: listed, blocked, deprecated, cached")
    .addArgument(feedArgument())
    .argument("<package>", "[group/]name[@version], such as @scope/name@1.0.0")
    .option("--all-versions", "change every version, when none is named")
    .option("--listed", "show the version in searches")
    .option("--no-listed", "hide it from searches; it can still be downloaded")
    .addOption(
      new Option(
        "--access <access>",
        "blocked: nobody may download it; allowed: everybody; default: undecided",
      ).choices(["blocked", "allowed", "default"]),
    )
    .option("--deprecated <reason>", "advise against using it")
    .option("--no-deprecated", "no longer advise against it")
    .option("--cached", "it came from an upstream connector")
    .option("--no-cached", "it is the feed's own")
    .option("--dry-run", "only print what would be changed")
    .addHelpText(
      "after",
      `
Examples:
  $ feedctl package status internal left
  $ feedctl package status internal left@1.0.0 --deprecated "use right"
  $ feedctl package status internal left@1.1.0 --access blocked --no-listed
  $ feedctl package status internal left --all-versions --no-deprecated`,
    )
    .action(async (feed: string, text: string, options, command) =>
      edge.act<PackageStatusResult[]>(command, async (context, out) => {
        const { changeStatus } = await import("../operations/packages/status.ts");
        const { parsePackageSpec } = await import("../operations/packages/packages.ts");
        const { packageStatusResult } = await import("./results/package.ts");
        const spec = parsePackageSpec(text);
        const change = changeOf(options);
        if (Object.keys(change).length > 0 && spec.version === undefined && !options.allVersions)
          throw new FeedctlError("usage", `which version of ${spec.name}?`, {
            hint: `${text}@VERSION, or --all-versions`,
          });
        const done = await changeStatus(context, feed, spec, { change, dryRun: options.dryRun === true });
        const verb = options.dryRun ? "would change " : "changed ";
        await out.result(
          done.map(packageStatusResult),
          done.map((row) => `${row.changed ? verb : ""}${titleOf(row)}: ${statusWords(row).join(", ")}`),
        );
      }),
    );
}

interface StatusOptions {
  listed?: boolean | undefined;
  access?: "blocked" | "allowed" | "default" | undefined;
  deprecated?: string | boolean | undefined;
  cached?: boolean | undefined;
}

function changeOf({ listed, access, deprecated, cached }: StatusOptions): Partial<VersionStatus> {
  const allowed = { blocked: false, allowed: true, default: null };
  return {
    ...(listed !== undefined && { listed }),
    ...(access !== undefined && { allowed: allowed[access] }),
    ...(typeof deprecated === "string" && { deprecated: true, deprecationReason: deprecated }),
    ...(deprecated === false && { deprecated: false, deprecationReason: null }),
    ...(cached !== undefined && { cached }),
  };
}

/** The status in words, what is usual only when nothing else is to be said. */
export function statusWords({ listed, allowed, deprecated, deprecationReason, cached }: VersionStatus): string[] {
  const words = [
    ...(listed ? [] : ["unlisted"]),
    ...(allowed === null ? [] : [allowed ? "allowed" : "blocked"]),
    ...(deprecated ? [`deprecated${deprecationReason === null ? "" : ` (${deprecationReason})`}`] : []),
    ...(cached ? ["cached"] : []),
  ];
  return words.length === 0 ? ["listed"] : words;
}

function titleOf({ group, name, version }: Pick<StatusOfVersion, "group" | "name" | "version">): string {
  return `${group === "" ? name : `${group}/${name}`} ${version}`;
}

export function addTags(packages: Command, edge: Edge): void {
  const tags = new Command("tag").description("list and change the tags of an npm package, such as latest and next");
  const tagArgument = () => new Argument("<tag>", "name of the tag");

  tags
    .command("list")
    .description("list the tags of a package; latest is the newest release unless it was set")
    .addArgument(feedArgument())
    .argument("<package>", "[@scope/]name")
    .action(async (feed: string, text: string, _options, command) =>
      edge.act<DistTagResult>(command, async (context, out) => {
        const { listTags } = await import("../operations/packages/tags.ts");
        const { distTagResult } = await import("./results/package.ts");
        const columns: Column<DistTag>[] = [
          { title: "tag", value: (row) => row.tag },
          { title: "version", value: (row) => row.version },
          { title: "since", value: (row) => row.setAt?.toISOString().slice(0, 10) ?? "" },
          { title: "by", value: (row) => row.setBy ?? "" },
        ];
        await out.table(await listTags(context, feed, text), columns, distTagResult);
      }),
    );

  tags
    .command("set")
    .description("let a tag name a version; retention keeps the version")
    .addArgument(feedArgument())
    .argument("<package>", "[@scope/]name@version")
    .addArgument(tagArgument())
    .action(async (feed: string, text: string, tag: string, _options, command) =>
      edge.act<TagChangeResult>(command, async (context, out) => {
        const { setTag } = await import("../operations/packages/tags.ts");
        await report(out, await setTag(context, feed, text, tag));
      }),
    );

  tags
    .command("remove")
    .description("remove a tag; latest is the newest release again")
    .addArgument(feedArgument())
    .argument("<package>", "[@scope/]name")
    .addArgument(tagArgument())
    .action(async (feed: string, text: string, tag: string, _options, command) =>
      edge.act<TagChangeResult>(command, async (context, out) => {
        const { removeTag } = await import("../operations/packages/tags.ts");
        await report(out, await removeTag(context, feed, text, tag));
      }),
    );
  packages.addCommand(tags);
}

async function report(out: Output<TagChangeResult>, change: TagChange): Promise<void> {
  const { tagChangeResult } = await import("./results/package.ts");
  const { package: name, tag, version, before } = change;
  const was = before === null || before === version ? "" : ` (it was ${before})`;
  await out.result(
    tagChangeResult(change),
    version === null ? `removed ${tag} of ${name}${was}` : `${tag} of ${name} is ${version}${was}`,
  );
}
