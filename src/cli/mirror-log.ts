import { createWriteStream } from "node:fs";
import { once } from "node:events";
import { resolve } from "node:path";
import { printable } from "../lib/printable.ts";
import type { MirrorItem, MirrorSummary } from "../operations/run-mirror.ts";
import type { Io } from "./io.ts";

/** The log of a mirror, in robocopy's grammar. */
export interface MirrorLog {
  /** One item as a line. */
  line(item: MirrorItem): string;
  item(item: MirrorItem): Promise<void>;
  summary(summary: MirrorSummary): Promise<void>;
  close(): Promise<void>;
}

/**
 * Robocopy's tags (Resource Kit manual): `*CAPITALS` far left for an anomaly, `Leading Caps` left for what is copied,
 * `lowercase` right for what is skipped; an error begins in the first column.
 */
function tag({ class: kind, outcome }: MirrorItem): string {
  if (outcome === "failed") return "ERROR";
  if (outcome === "extra" || outcome === "deleted") return "*EXTRA File";
  if (outcome === "mismatch" || kind === "mismatched") return "*MISMATCH";
  if (outcome === "skipped") return kind.padStart(12);
  return `  ${kind === "lonely" ? "New File" : `${kind[0]?.toUpperCase()}${kind.slice(1)}`}`;
}

function lineOf(item: MirrorItem): string {
  const reason = item.reason === undefined ? "" : `: ${item.reason}`;
  return `${tag(item).padEnd(12)} ${item.outcome === "deleted" ? "deleted " : ""}${String(item.bytes).padStart(item.outcome === "deleted" ? 2 : 10)}  ${item.key}${reason}`;
}

/** Without a path only lines are made. The file is appended to, as /LOG+ does. */
export async function openLog(io: Io, path: string | undefined): Promise<MirrorLog> {
  const file = path === undefined ? undefined : createWriteStream(resolve(io.cwd, path), { flags: "a" });
  if (file !== undefined) await once(file, "open");
  const write = async (text: string) => {
    if (file !== undefined && !file.write(`${printable(text)}\n`)) await once(file, "drain");
  };
  return {
    line: lineOf,
    item: (item) => write(lineOf(item)),
    summary: (summary) => write(JSON.stringify(summary)),
    async close() {
      if (file === undefined) return;
      file.end();
      await once(file, "close");
    },
  };
}
