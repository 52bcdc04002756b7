import { Command } from "commander";
import { archiveCommands } from "./asset-archive.ts";
import { changeCommands } from "./asset-change.ts";
import { describeCommands } from "./asset-describe.ts";
import { historyCommands } from "./asset-history.ts";
import { readCommands } from "./asset-read.ts";
import { syncCommand } from "./asset-sync.ts";
import { uploadCommand } from "./asset-upload.ts";
import type { Edge } from "./edge.ts";

export function assetCommand(edge: Edge): Command {
  const asset = new Command("asset").description("keep files in an asset directory: upload, list, download, share");
  asset.addCommand(uploadCommand(edge)).addCommand(syncCommand(edge));
  for (const commands of [readCommands, changeCommands, describeCommands, archiveCommands, historyCommands])
    for (const command of commands(edge)) asset.addCommand(command);
  return asset;
}
