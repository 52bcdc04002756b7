import type { MirrorEvent } from "../../operations/mirror/tally.ts";
import type { MirrorLine } from "./schemas/mirror.ts";

export function mirrorLine(event: MirrorEvent): MirrorLine {
  if (event.type === "item") {
    const { type, class: kind, outcome, key, bytes, reason } = event;
    return { type, class: kind, outcome, key, bytes, reason };
  }
  const { type, source, target, dryRun, total, copied, skipped, mismatch, failed, ...others } = event;
  const {
    archived,
    extras,
    deleted,
    bytes,
    totalBytes,
    extraBytes,
    notDeleted,
    foreign,
    milliseconds,
    robocopyStatus,
  } = others;
  return {
    type,
    source,
    target,
    dryRun,
    total,
    copied,
    skipped,
    mismatch,
    failed,
    archived,
    extras,
    deleted,
    bytes,
    totalBytes,
    extraBytes,
    foreign,
    milliseconds,
    robocopyStatus,
    notDeleted,
  };
}
