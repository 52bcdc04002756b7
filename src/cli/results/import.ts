import type { AdoptEvent } from "../../operations/adopt/adopt.ts";
import type { DropCounts, DropEvent } from "../../operations/drop/outcome.ts";
import type { DropStatus } from "../../operations/drop/status.ts";
import type { ImportEvent } from "../../operations/import/import.ts";
import type { ImportedFile } from "../../operations/import/outcome.ts";
import type * as result from "./schemas/import.ts";

function fileLine<Feed, Status>(event: Omit<ImportedFile, "feed" | "status"> & { feed: Feed; status: Status }) {
  const { type, file, feed, status, group, name, version, qualifier, key, size, reason, warnings } = event;
  return { type, file, feed, status, group, name, version, qualifier, key, size, reason, warnings };
}

export function importLine(event: ImportEvent): result.ImportLine {
  if (event.type === "file") return fileLine(event);
  const { type, feed, imported, overwritten, existing, restored, conflicts, invalid, failed, skipped, bytes } = event;
  return { type, feed, imported, overwritten, existing, restored, conflicts, invalid, failed, skipped, bytes };
}

export function adoptLine(event: AdoptEvent): result.AdoptLine {
  if (event.type === "file") return fileLine(event);
  const { type, feed, location, adopted, existing, conflicts, invalid, failed, skipped, leadingSlash, bytes } = event;
  return { type, feed, location, adopted, existing, conflicts, invalid, failed, skipped, leadingSlash, bytes };
}

export function dropLine(event: DropEvent): result.DropLine {
  switch (event.type) {
    case "file":
      return { ...fileLine(event), rejectedTo: event.rejectedTo };
    case "feed": {
      const { type, feed, path, problem, skipped } = event;
      return { type, feed, path, ...dropCounts(event), problem, skipped };
    }
    case "summary": {
      const { type, feeds, problems } = event;
      return { type, feeds, problems, ...dropCounts(event) };
    }
  }
}

function dropCounts(event: DropCounts): DropCounts {
  const { imported, overwritten, existing, restored, conflicts, invalid, failed, ...others } = event;
  const { waiting, unsettled, rejected, bytes } = others;
  return {
    imported,
    overwritten,
    existing,
    restored,
    conflicts,
    invalid,
    failed,
    waiting,
    unsettled,
    rejected,
    bytes,
  };
}

export function dropStatusResult(status: DropStatus): result.DropStatusResult {
  const { feed, type, path, active, distribution, component, scannedAt, imported, problem, waiting } = status;
  return {
    feed,
    type,
    path,
    active,
    distribution,
    component,
    scannedAt,
    imported,
    problem,
    waiting: waiting.map((file) => ({
      path: file.path,
      size: file.size,
      modified: file.modified,
      status: file.status,
      reason: file.reason,
      seenAt: file.seenAt,
    })),
  };
}
