import type { MirrorEvent } from "../../operations/mirror/tally.ts";
import { keptMembers } from "./kept.ts";
import type { MirrorLine } from "./schemas/mirror.ts";

export function mirrorLine(event: MirrorEvent): MirrorLine {
  if (event.type === "item") {
    const { type, class: kind, outcome, key, bytes, reason } = event;
    return { type, class: kind, outcome, key, bytes, reason };
  }
  return {
    type: event.type,
    source: event.source,
    target: event.target,
    dryRun: event.dryRun,
    total: event.total,
    copied: event.copied,
    skipped: event.skipped,
    mismatch: event.mismatch,
    failed: event.failed,
    archived: event.archived,
    extras: event.extras,
    deleted: event.deleted,
    bytes: event.bytes,
    totalBytes: event.totalBytes,
    extraBytes: event.extraBytes,
    foreign: event.foreign,
    modes: event.modes,
    foldersMade: event.foldersMade,
    foldersDeleted: event.foldersDeleted,
    milliseconds: event.milliseconds,
    robocopyStatus: event.robocopyStatus,
    notDeleted: event.notDeleted,
    ...keptMembers(event),
  };
}
