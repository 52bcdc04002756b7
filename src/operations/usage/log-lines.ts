import type { LoggedUse } from "../../catalog/usage.ts";
import { excerpt } from "../../lib/text/excerpt.ts";
import { redact } from "../../lib/text/redact.ts";
import { createLogReader, isDirective } from "./formats/log-reader.ts";
import type { LogFormat } from "./formats/names.ts";

/** A line that was not understood. */
export interface LogSample {
  /** From 1. */
  line: number;
  /** Its beginning, without secrets. */
  text: string;
}

/** What lines of a log say about use. */
export interface LineCounts {
  lines: number;
  /** Lines that were not understood. */
  unreadable: number;
  /** Times of the oldest and newest line; null when no line was understood. */
  first: Date | null;
  last: Date | null;
}

/** Lines that are not recorded yet. */
export interface Segment extends LineCounts {
  /** Successful reads outside the prefix. */
  foreign: number;
  uses: LoggedUse[];
}

/** Reads the lines of a log in order, and counts them in segments. */
export interface LogLines {
  /** Passes over bytes that were counted before. */
  skip(bytes: Buffer): void;
  /** Counts whole lines. `from`: where the bytes begin that are not counted yet. */
  add(bytes: Buffer, from: number): void;
  /** Whether the line is understood. */
  canRead(line: Buffer): boolean;
  /** Whether as many files are in the segment as one transaction records. */
  isFull(): boolean;
  /** Counts of the segment so far. */
  counts(): Pick<LineCounts, "lines" | "unreadable" | "last">;
  /** From now on, lines are only counted. */
  stop(): void;
  /** The segment; the next one begins empty. Times in the future (a wrong server clock) become `now`. */
  take(now: Date): Segment;
  /** The first lines of the log that were not understood. */
  readonly samples: readonly LogSample[];
}

/** How many different files are recorded in one transaction. */
const BATCH = 20_000;
const SAMPLES = 3;
const SAMPLE_LENGTH = 200;

interface FileUse {
  keys: readonly string[];
  downloads: number;
  /** Milliseconds since 1970. */
  newest: number;
}

export function createLogLines({ format, prefix }: { format: LogFormat | "auto"; prefix: string }): LogLines {
  const reader = createLogReader(format);
  const samples: LogSample[] = [];
  let number = 0;
  let isStopped = false;
  /** Whether the bytes so far end within a line, whose rest is not judged again. */
  let isInLine = false;
  let uses = new Map<string, FileUse>();
  let counts = noCounts();

  function addLine(line: string): void {
    if (line === "") return;
    if (isDirective(line)) return reader.directive(line);
    counts.lines++;
    const found = reader.read(line);
    if (found === undefined) {
      counts.unreadable++;
      if (samples.length < SAMPLES)
        samples.push({ line: number, text: excerpt(redact(line.slice(0, 10 * SAMPLE_LENGTH)), SAMPLE_LENGTH) });
      return;
    }
    const at = found.at.getTime();
    counts.first = Math.min(counts.first, at);
    counts.last = Math.max(counts.last, at);
    if (found.keys.length === 0 || isStopped) return;
    const keys = found.keys
      .filter((key) => key.startsWith(prefix))
      .map((key) => key.slice(prefix.length).replace(/^\/+/, ""));
    if (keys[0] === undefined) return void counts.foreign++;
    // other spellings of a path may have other candidates
    const spelling = keys.join("\0");
    const use = uses.get(spelling) ?? { keys, downloads: 0, newest: 0 };
    use.downloads += found.whole ? 1 : 0;
    use.newest = Math.max(use.newest, at);
    uses.set(spelling, use);
  }

  return {
    samples,
    skip(bytes) {
      if (bytes.length === 0) return;
      const parts = bytes.toString("latin1").split("\n");
      for (const part of parts) {
        const line = cleaned(part);
        if (isDirective(line)) reader.directive(line);
      }
      number += parts.length - 1;
      isInLine = bytes.at(-1) !== NEWLINE;
    },
    add(bytes, from) {
      // the rest of a line that was counted when its end was not written yet, or that is longer than the limit
      const start = isInLine ? bytes.indexOf(NEWLINE, from) : from;
      if (start < 0) return;
      isInLine = bytes.at(-1) !== NEWLINE;
      const lines = bytes.toString("utf8", start).split("\n");
      for (const line of lines) {
        number++;
        addLine(cleaned(line));
      }
      // the last of them has no newline behind it
      number--;
    },
    canRead: (line) => reader.read(cleaned(line.toString("utf8"))) !== undefined,
    isFull: () => uses.size >= BATCH,
    counts: () => ({ lines: counts.lines, unreadable: counts.unreadable, last: dateOf(counts.last) }),
    stop() {
      isStopped = true;
      uses = new Map();
    },
    take(now) {
      const upTo = (time: number) => dateOf(Math.min(time, now.getTime()));
      const segment = {
        ...counts,
        first: counts.first === Infinity ? null : upTo(counts.first),
        last: upTo(counts.last),
        uses: [...uses.values()].map(({ newest, ...use }) => ({ ...use, at: upTo(newest)!.toISOString() })),
      };
      uses = new Map();
      counts = noCounts();
      return segment;
    },
  };
}

const NEWLINE = 10;

/** Times are milliseconds since 1970; infinite when no line was understood. */
function noCounts() {
  return { lines: 0, unreadable: 0, foreign: 0, first: Infinity, last: -Infinity };
}

function dateOf(time: number): Date | null {
  return Number.isFinite(time) ? new Date(time) : null;
}

/** Without a byte order mark and what ends the line. */
function cleaned(line: string): string {
  return line.replace(/^(?:\u{feff}|\u00ef\u00bb\u00bf)/u, "").trimEnd();
}
