import { open } from "node:fs/promises";
import { resolve } from "node:path";
import { FeedctlError } from "../../errors.ts";
import { isDiskFull } from "../../lib/files/disk-full.ts";
import { printable } from "../../lib/text/printable.ts";
import type { MirrorItem } from "../../operations/mirror/tally.ts";
import type { Io } from "../frame/io.ts";
import type { MirrorLine } from "../results/schemas/mirror.ts";

/** The log of a mirror, in robocopy's format. */
export interface MirrorLog {
  /** Formats an item as a line. */
  line(item: MirrorItem): string;
  /** Writes an item to the log file. Undefined without a log file. */
  item(item: MirrorItem): Promise<void> | undefined;
  /** Writes the summary to the log file, as `--json` prints it. */
  summary(summary: MirrorLine): Promise<void>;
  close(): Promise<void>;
}

/**
 * Robocopy's tags (Resource Kit manual): `*CAPITALS` at the left for anomalies, `Leading Caps` indented for copied
 * files, `lowercase` at the right for skipped files. An error begins in the first column.
 */
function tag({ class: kind, outcome }: MirrorItem): string {
  switch (outcome) {
    case "failed":
      return "ERROR";
    case "postponed":
      return "retry".padStart(TAG);
    case "extra":
      return "*EXTRA File";
    case "deleted":
      return "deleted".padStart(TAG);
    case "mismatch":
      return "*MISMATCH";
    case "foreign":
      return "*FOREIGN";
    case "folder-made":
      return "  New Dir";
    case "folder-deleted":
      return "*EXTRA Dir";
    case "skipped":
      return kind.padStart(TAG);
    case "copied":
      return `  ${kind === "lonely" ? "New File" : `${kind[0]?.toUpperCase()}${kind.slice(1)}`}`;
  }
}

const TAG = 12;
const FLUSH = 64 * 1024;

function lineOf(item: MirrorItem): string {
  const reason = item.reason === undefined ? "" : `: ${item.reason}`;
  return `${tag(item).padEnd(TAG)} ${String(item.bytes).padStart(10)}  ${item.key}${reason}`;
}

/** Opens the log file, to which lines are appended (robocopy's /LOG+). Without a path nothing is written. */
export async function openLog(io: Io, path: string | undefined): Promise<MirrorLog> {
  const failed = (error: unknown) =>
    new FeedctlError(
      isDiskFull(error) ? "full" : "denied",
      `could not write the log ${path}: ${(error as Error).message}`,
      { cause: error },
    );
  const file =
    path === undefined
      ? undefined
      : await open(resolve(io.cwd, path), "a").catch((error: unknown) => {
          throw failed(error);
        });
  let lines = "";

  async function flush(): Promise<void> {
    const text = lines;
    lines = "";
    await file?.writeFile(text).catch((error: unknown) => {
      throw failed(error);
    });
  }

  async function write(text: string): Promise<void> {
    if (file === undefined) return;
    lines += `${printable(text)}\n`;
    if (lines.length >= FLUSH) await flush();
  }

  return {
    line: lineOf,
    item: (item) => (file === undefined ? undefined : write(lineOf(item))),
    async summary(summary) {
      await write(JSON.stringify(summary));
      await flush();
    },
    async close() {
      try {
        await flush();
      } finally {
        await file?.close();
      }
    },
  };
}
