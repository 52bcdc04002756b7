import { Argument, Command, type CommandUnknownOpts } from "commander";
import { FeedctlError } from "../../errors.ts";
import { counted } from "../../lib/text/format-size.ts";
import type { DescribeChange, DescribeInput, Described } from "../../operations/assets/set-properties.ts";
import { directoryArgument, parseCache, parseContentType, parseMetadata, pathArgument } from "./options.ts";
import type { Edge } from "../frame/edge.ts";
import { repeatable } from "../frame/parsers.ts";
import type { Output } from "../frame/output.ts";
import type { AssetDescribedResult } from "../results/schemas/asset.ts";

export function describeCommands(edge: Edge): CommandUnknownOpts[] {
  const setType = new Command("set-type")
    .description("change a file's media type, in the catalog and on its blob")
    .addArgument(directoryArgument())
    .addArgument(pathArgument("file, or with --recursive a folder"))
    .addArgument(
      new Argument("[type]", "media type (default: by the file extension, else by the first bytes)").argParser(
        parseContentType,
      ),
    )
    .option("-r, --recursive", "change every file below a folder")
    .action(async (directory: string, path: string, type: string | undefined, options, command) =>
      change(edge, command, {
        directory,
        path,
        change: { contentType: type ?? "auto" },
        recursive: options.recursive === true,
        command: "asset set-type",
      }),
    );

  const setCache = new Command("set-cache")
    .description("change the Cache-Control header of a file, or of a folder's files that have none of their own")
    .addArgument(directoryArgument())
    .addArgument(pathArgument("file or folder; / is the directory itself"))
    .addArgument(
      new Argument("<how>", "no-cache, a time such as 30m, a whole header, none, or inherit").argParser(parseCache),
    )
    .option("-r, --recursive", "set it on every file below a folder")
    .action(async (directory: string, path: string, cacheControl: string | null, options, command) =>
      change(edge, command, {
        directory,
        path,
        change: { cacheControl },
        recursive: options.recursive === true,
        command: "asset set-cache",
      }),
    );

  const setMetadata = new Command("set-metadata")
    .description("change the user metadata of a file or folder")
    .addArgument(directoryArgument())
    .addArgument(pathArgument("file or folder"))
    .argument("[name=value...]", "entries to set")
    .addOption(repeatable("--header <name=value>", "an entry to set that is sent with the file as a header"))
    .addOption(repeatable("--remove <name>", "an entry to remove"))
    .option("--replace", "remove all other entries")
    .action(async (directory: string, path: string, pairs: string[], options, command) => {
      const set = parseMetadata(pairs, options.header ?? []);
      const removed = new Set<string>(options.remove ?? []);
      if (Object.keys(set).length + removed.size === 0 && !options.replace)
        throw new FeedctlError("usage", "nothing to change", { hint: "give name=value, --remove or --replace" });
      const metadata: DescribeChange["metadata"] = (old) => ({
        ...Object.fromEntries(Object.entries(options.replace ? {} : old).filter(([name]) => !removed.has(name))),
        ...set,
      });
      await change(edge, command, { directory, path, change: { metadata }, command: "asset set-metadata" });
    });
  return [setType, setCache, setMetadata];
}

async function change(edge: Edge, command: CommandUnknownOpts, input: DescribeInput): Promise<void> {
  await edge.act<AssetDescribedResult>(command, async (context, out) => {
    const { describeAsset } = await import("../../operations/assets/set-properties.ts");
    await report(out, await describeAsset(context, input));
  });
}

async function report(out: Output<AssetDescribedResult>, described: Described): Promise<void> {
  const { assetDescribedResult } = await import("../results/asset.ts");
  const { path, folder, files } = described;
  const what = path === "" ? "/" : folder ? `${path}/` : path;
  const by = folder && files > 0 ? ` and ${counted(files, "file")} in it` : "";
  await out.result(assetDescribedResult(described), `changed ${what}${by}`);
}
