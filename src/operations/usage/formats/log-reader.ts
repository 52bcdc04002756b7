import { readAzure, readMonitor, readS3 } from "./cloud.ts";
import { readCombined } from "./combined.ts";
import { createGcsReader, GCS_HEADER } from "./gcs.ts";
import { readJson } from "./json.ts";
import { logFormats, type LogFormat } from "./names.ts";
import type { LoggedRequest } from "./request.ts";
import { createW3cReader } from "./w3c.ts";

type Read = (line: string) => LoggedRequest | undefined;

/** Reads the lines of one log, in order. */
export interface LogReader {
  /** Undefined when the line does not have the format. Directives go to `directive` instead. */
  read: Read;
  directive(line: string): void;
}

/** Whether the line is about the other lines: it begins with `#`, or names the fields of a log of Google Cloud Storage. */
export function isDirective(line: string): boolean {
  return line.startsWith("#") || line.startsWith(GCS_HEADER);
}

/** With `auto`, each format is asked whether it can read a line. */
export function createLogReader(format: LogFormat | "auto"): LogReader {
  const w3c = createW3cReader();
  const gcs = createGcsReader();
  const readers: Readonly<Record<LogFormat, readonly Read[]>> = {
    s3: [readS3],
    azure: [readAzure, readMonitor],
    gcs: [gcs.read],
    combined: [readCombined],
    w3c: [w3c.read],
    json: [readJson],
  };
  const asked = format === "auto" ? logFormats.flatMap((each) => readers[each]) : readers[format];
  return {
    read(line) {
      for (const read of asked) {
        const found = read(line);
        if (found !== undefined) return found;
      }
      return undefined;
    },
    directive: (line) => (line.startsWith("#") ? w3c.directive(line) : gcs.header(line)),
  };
}
