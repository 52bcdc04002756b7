import { Command, type CommandUnknownOpts } from "commander";
import { archiveCommands } from "./archive.ts";
import { changeCommands } from "./change.ts";
import { describeCommands } from "./describe.ts";
import { historyCommands } from "./history.ts";
import { readCommands } from "./read.ts";
import { syncCommand } from "./sync.ts";
import { uploadCommand } from "./upload.ts";
import type { Edge } from "../frame/edge.ts";

export function assetCommand(edge: Edge): CommandUnknownOpts {
  const asset = new Command("asset").description("manage files in an asset directory: upload, list, download, share");
  asset.addCommand(uploadCommand(edge)).addCommand(syncCommand(edge));
  for (const commands of [readCommands, changeCommands, describeCommands, archiveCommands, historyCommands])
    for (const command of commands(edge)) asset.addCommand(command);
  return asset;
}
