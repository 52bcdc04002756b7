import { Command, InvalidArgumentError, Option, type CommandUnknownOpts } from "commander";
import { counted, formatSize } from "../../lib/text/format-size.ts";
import type { AssetEntry, ShownAsset } from "../../operations/assets/list.ts";
import { directoryArgument, pathArgument } from "./options.ts";
import { printTree } from "./tree.ts";
import type { Edge } from "../frame/edge.ts";
import type { Output } from "../frame/output.ts";
import { parseAge } from "../frame/parsers.ts";
import type { AssetDetailsResult, AssetListResult, AssetSavedLine, AssetUrlResult } from "../results/schemas/asset.ts";

export function readCommands(edge: Edge): CommandUnknownOpts[] {
  const list = new Command("list")
    .description("list files and folders")
    .addArgument(directoryArgument())
    .argument("[folder]", "folder in the directory", "")
    .option("-r, --recursive", "list folders to any depth")
    .option("-l, --long", "with cache headers and hashes")
    .option("--tree", "as a tree (implies --recursive)")
    .action(async (directory: string, folder: string, options, command) =>
      edge.act<AssetListResult>(command, async (context, out) => {
        const { listAssets } = await import("../../operations/assets/list.ts");
        const { assetListResult } = await import("../results/asset.ts");
        const entries = listAssets(context, directory, folder, options.recursive === true || options.tree === true);
        if (options.tree && !out.options.json) return printTree(out, entries);
        await out.table(entries, columns(options.long === true), (entry) =>
          assetListResult(entry, options.long === true),
        );
      }),
    );

  const show = new Command("show")
    .description("show a file's or folder's size, hashes, media type, cache header and metadata")
    .addArgument(directoryArgument())
    .addArgument(pathArgument())
    .action(async (directory: string, path: string, _options, command) =>
      edge.act<AssetDetailsResult>(command, async (context, out) => {
        const { showAsset } = await import("../../operations/assets/list.ts");
        const { assetDetailsResult } = await import("../results/asset.ts");
        const shown = await showAsset(context, directory, path);
        await out.result(assetDetailsResult(shown), shownLines(shown));
      }),
    );

  const download = new Command("download")
    .description("save a file, or a folder and its contents, verified by hash")
    .addArgument(directoryArgument())
    .addArgument(pathArgument())
    .option(
      "-o, --output <file>",
      "file or folder to save to; - for stdout (default: its own name, in the current folder)",
    )
    .option("--overwrite", "replace existing files")
    .addHelpText("after", "\nAn interrupted download of a large file is resumed.")
    .action(async (directory: string, path: string, options, command) =>
      edge.act<AssetSavedLine>(command, async (context, out) => {
        if (options.output === "-") return pipe(edge, out, context, directory, path);
        const { downloadAssets } = await import("../../operations/assets/download.ts");
        const { output, overwrite = false } = options;
        const label = `downloading ${path}`;
        await out.progress.start(label);
        const events = downloadAssets(context, {
          directory,
          path,
          output,
          overwrite,
          cwd: edge.io.cwd,
          onProgress: ({ path: file, bytes, size }) =>
            out.progress.tick(`downloading ${file} ${Math.floor((bytes / size) * 100)}% of ${formatSize(size)}`),
        });
        return reportDownload(out, events);
      }),
    );

  const cat = new Command("cat")
    .description("write a file to standard output")
    .addArgument(directoryArgument())
    .addArgument(pathArgument())
    .action(async (directory: string, path: string, _options, command) =>
      edge.act(command, async (context, out) => pipe(edge, out, context, directory, path)),
    );
  const url = new Command("url")
    .description("print a URL to download a file directly from its store")
    .addArgument(directoryArgument())
    .addArgument(pathArgument())
    .addOption(
      new Option("--expires <time>", "how long a signed URL is valid").argParser(parseExpiry).default(3600, "1h"),
    )
    .addHelpText(
      "after",
      "\nFor a cloud store the URL is signed: anyone who has it can read the file. For a disk it is a file URL.",
    )
    .action(async (directory: string, path: string, options, command) =>
      edge.act<AssetUrlResult>(command, async (context, out) => {
        const { assetUrl } = await import("../../operations/assets/url.ts");
        const { assetUrlResult } = await import("../results/asset.ts");
        const made = await assetUrl(context, directory, path, options.expires);
        await out.result(assetUrlResult(made), made.url);
      }),
    );
  return [list, show, download, cat, url];
}

/** Returns seconds. */
function parseExpiry(text: string): number {
  const seconds = Math.round(parseAge(text) / 1000);
  if (seconds < 1) throw new InvalidArgumentError("It must be at least a second.");
  return seconds;
}

async function pipe(
  edge: Edge,
  out: Output<never>,
  context: Parameters<typeof import("../../operations/assets/download.ts").openAsset>[0],
  directory: string,
  path: string,
): Promise<void> {
  const { openAsset } = await import("../../operations/assets/download.ts");
  const { writeDownload } = await import("../frame/write-download.ts");
  const opened = await openAsset(context, directory, path);
  try {
    out.progress.stop();
    await writeDownload(edge.io, opened);
  } finally {
    await opened.close();
  }
}

async function reportDownload(
  out: Output<AssetSavedLine>,
  events: ReturnType<typeof import("../../operations/assets/download.ts").downloadAssets>,
): Promise<number> {
  const { assetSavedLine } = await import("../results/asset.ts");
  let bad = 0;
  for await (const event of events) {
    if (event.type === "file") {
      out.progress.step(event.status === "saved" ? event.size : 0);
      const good = event.status === "saved" || event.status === "unchanged";
      const word = good ? event.status.padEnd(9) : event.status.toUpperCase().padEnd(9);
      const line = `${word} ${event.file}${event.reason === undefined ? "" : `: ${event.reason}`}`;
      await out.event(assetSavedLine(event), out.options.quiet && good ? undefined : line);
      continue;
    }
    out.progress.stop();
    bad = event.conflict + event.failed;
    const parts = [
      `saved ${counted(event.saved, "file")} (${formatSize(event.bytes)})`,
      event.unchanged > 0 ? `${event.unchanged} already there` : "",
      event.conflict > 0 ? counted(event.conflict, "conflict") : "",
      event.failed > 0 ? `${event.failed} failed` : "",
    ];
    await out.event(assetSavedLine(event), parts.filter((part) => part !== "").join(", "));
  }
  return bad > 0 ? 3 : 0;
}

function columns(long: boolean) {
  const of = (value: (file: Extract<AssetEntry, { file: unknown }>["file"]) => string) => (entry: AssetEntry) =>
    "file" in entry ? value(entry.file) : "";
  return [
    { title: "path", value: (entry: AssetEntry) => ("file" in entry ? entry.path : `${entry.path}/`) },
    { title: "size", value: of((file) => (long ? String(file.size) : formatSize(file.size))), right: true },
    { title: "type", value: of((file) => file.contentType) },
    { title: "modified", value: of((file) => file.modifiedAt.toISOString().slice(0, 19).replace("T", " ")) },
    ...(long
      ? [
          { title: "cache", value: of((file) => file.cacheControl ?? "") },
          { title: "sha256", value: of((file) => file.sha256) },
        ]
      : []),
  ];
}

function shownLines(shown: ShownAsset): string[] {
  const name = shown.path === "" ? "/" : shown.path;
  const metadata = Object.entries(shown.metadata).map(
    ([key, { value, header }]) => `  ${key} = ${value}${header ? "  (sent as a header)" : ""}`,
  );
  if (shown.folder)
    return [
      `${name === "/" ? "/" : `${name}/`}  ${counted(shown.files, "file")}, ${formatSize(shown.bytes)}`,
      ...(shown.cacheControl === null ? [] : [`  cache    ${shown.cacheControl || "none"} (for its files)`]),
      ...metadata,
    ];
  const { cacheControl, ownCacheControl } = shown;
  return [
    `${name}  ${formatSize(shown.size)}`,
    `  type     ${shown.contentType}`,
    ...(cacheControl === null
      ? []
      : [`  cache    ${cacheControl}${ownCacheControl === null ? " (of its folder)" : ""}`]),
    `  modified ${shown.modifiedAt.toISOString()}  stored ${shown.createdAt.toISOString()} by ${shown.uploadedBy}`,
    ...(["md5", "sha1", "sha256", "sha512"] as const).map((hash) => `  ${hash.padEnd(8)} ${shown[hash]}`),
    ...(shown.versions === 0 ? [] : [`  ${counted(shown.versions, "earlier version")}: feedctl asset history`]),
    ...metadata,
  ];
}
