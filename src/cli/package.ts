import { dirname } from "node:path";
import { Argument, Command, type CommandUnknownOpts } from "commander";
import { counted, formatSize } from "../lib/text/format-size.ts";
import type { PackageVersion } from "../catalog/packages.ts";
import { confirm, type Edge } from "./frame/edge.ts";
import { addProtection } from "./package-protect.ts";
import { addStatus, addTags, statusWords } from "./package-status.ts";
import { feedArgument } from "./frame/parsers.ts";
import type {
  PackageDeletedResult,
  PackageDetailsResult,
  PackageResult,
  PackageSavedResult,
} from "./results/schemas/package.ts";

export function packageCommand(edge: Edge): CommandUnknownOpts {
  const packages = new Command("package").description(
    "list, show, download, delete and protect packages, and change their status",
  );
  const specArgument = () => new Argument("<package>", "[group/]name[@version], such as @scope/name@1.0.0");

  packages
    .command("list")
    .description("list all versions of a feed")
    .addArgument(feedArgument())
    .action(async (feed: string, _options, command) =>
      edge.act<PackageResult>(command, async (context, out) => {
        const { listPackages } = await import("../operations/packages/packages.ts");
        const { packageResult } = await import("./results/package.ts");
        await out.table<PackageVersion>(
          listPackages(context, feed),
          [
            { title: "name", value: fullName },
            { title: "version", value: (row) => row.version },
            { title: "files", value: (row) => String(row.files.length), right: true },
            { title: "size", value: (row) => formatSize(sizeOf(row)), right: true },
            { title: "published", value: (row) => row.publishedAt.toISOString().slice(0, 19).replace("T", " ") },
          ],
          packageResult,
        );
      }),
    );

  packages
    .command("show")
    .description("show a package's versions, files, hashes and metadata")
    .addArgument(feedArgument())
    .addArgument(specArgument())
    .action(async (feed: string, text: string, _options, command) =>
      edge.act<PackageDetailsResult[]>(command, async (context, out) => {
        const { requireVersions, parsePackageSpec } = await import("../operations/packages/packages.ts");
        const { packageDetailsResult } = await import("./results/package.ts");
        const found = await requireVersions(context, feed, parsePackageSpec(text));
        await out.result(
          found.map(packageDetailsResult),
          found.flatMap((version) => [
            `${fullName(version)} ${version.version}  published ${version.publishedAt.toISOString()} by ${version.publishedBy}`,
            ...statusLines(version),
            ...(typeof version.metadata["description"] === "string"
              ? [`  ${version.metadata["description"].split("\n")[0]}`]
              : []),
            ...version.files.flatMap((file) => [
              `  ${file.key}  ${formatSize(file.size)}`,
              `    sha256 ${file.sha256}`,
            ]),
          ]),
        );
      }),
    );

  packages
    .command("download")
    .description("save a package file, verified by its hash; without a version the newest release")
    .addArgument(feedArgument())
    .addArgument(specArgument())
    .option("-o, --output <file>", "file or directory to save to; - for stdout (default: its own name, here)")
    .option("--file <name>", "which file, for a version with several")
    .option("--overwrite", "replace an existing file")
    .option("--blocked", "save it though it is blocked")
    .action(async (feed: string, text: string, options, command) =>
      edge.act<PackageSavedResult>(command, async (context, out) => {
        const { downloadPackage, parsePackageSpec } = await import("../operations/packages/packages.ts");
        const download = await downloadPackage(context, feed, parsePackageSpec(text), {
          fileName: options.file,
          blocked: options.blocked,
        });
        try {
          await out.progress.start(`downloading ${download.fileName}`);
          if (options.output === "-") {
            const { writeDownload } = await import("./frame/write-download.ts");
            await writeDownload(edge.io, { ...download, body: await download.open(undefined) });
            return out.progress.stop();
          }
          const { downloadTarget, saveDownload } = await import("../operations/local-files/save-download.ts");
          const target = await downloadTarget(edge.io.cwd, options.output, download.fileName);
          const overwrite = options.overwrite === true;
          await saveDownload(context, { ...download, root: dirname(target), target, overwrite, acceptSame: false });
          out.progress.stop();
          const { size, sha256 } = download.file;
          await out.result({ file: target, size, sha256 }, `saved ${target} (${formatSize(size)})`);
        } finally {
          await download.close();
        }
      }),
    );

  packages
    .command("delete")
    .description("delete a version, or a whole package, with its files")
    .addArgument(feedArgument())
    .addArgument(specArgument())
    .option("--all-versions", "every version, when none is named")
    .option("--yes", "do not ask")
    .option("--dry-run", "only print what would be deleted")
    .action(async (feed: string, text: string, options, command) =>
      edge.act<PackageDeletedResult>(command, async (context, out) => {
        const { deletePackage, requireVersions, parsePackageSpec } = await import("../operations/packages/packages.ts");
        const { FeedctlError } = await import("../errors.ts");
        const spec = parsePackageSpec(text);
        if (spec.version === undefined && !options.allVersions)
          throw new FeedctlError("usage", `which version of ${spec.name}?`, {
            hint: `${text}@VERSION, or --all-versions`,
          });
        const found = await requireVersions(context, feed, spec);
        const what =
          found.length === 1
            ? `${fullName(found[0] as PackageVersion)} ${found[0]?.version}`
            : `${counted(found.length, "version")} of ${spec.name}`;
        if (options.dryRun) {
          await out.result(
            { dryRun: true, versions: found.map((version) => ({ name: fullName(version), version: version.version })) },
            `would delete ${what}`,
          );
          return;
        }
        await confirm(edge.io, `delete ${what} from feed ${feed}`, options.yes);
        const { packageDeletedResult } = await import("./results/package.ts");
        await out.result(packageDeletedResult(await deletePackage(context, feed, found)), `deleted ${what}`);
      }),
    );

  addStatus(packages, edge);
  addTags(packages, edge);
  addProtection(packages, edge);
  return packages;
}

function statusLines(version: PackageVersion): string[] {
  const words = statusWords(version);
  return words[0] === "listed" ? [] : [`  ${words.join(", ")}`];
}

function fullName(version: { group: string; name: string }): string {
  return version.group === "" ? version.name : `${version.group}/${version.name}`;
}

function sizeOf(version: PackageVersion): number {
  return version.files.reduce((sum, file) => sum + file.size, 0);
}
