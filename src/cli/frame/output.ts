import { printable } from "../../lib/printable.ts";
import type { Io } from "./io.ts";
import { printMessage } from "./lines.ts";
import { outputError } from "./output-error.ts";
import { createProgress, type Progress } from "./progress.ts";
import { throwIfInterrupted } from "../../stores/shared/signal.ts";

export interface OutputOptions {
  json: boolean;
  quiet: boolean;
  verbose: boolean;
  color: boolean;
}

/**
 * stdout is data, stderr is messages. Text for people is escaped here, so that each string is one line. `Result` is
 * what the command prints with --json, as declared in results/schemas: a document, a row of a table, or one of a stream
 * of events.
 */
export interface Output<Result> {
  readonly options: OutputOptions;
  readonly progress: Progress;
  /** The one result of a command: a JSON document, or lines for people. */
  readonly result: (value: Result, text: string | readonly string[]) => Promise<void>;
  /** Lines for people; nothing with --json. */
  readonly lines: (text: string | readonly string[]) => Promise<void>;
  /** Rows: streamed as a JSON array, or printed by `printTable`. Returns how many. Throws when the signal is aborted. */
  readonly table: <T>(
    rows: AsyncIterable<T> | Iterable<T>,
    columns: readonly Column<T>[],
    toResult: (row: T) => Result,
  ) => Promise<number>;
  /** Rows for people only: a table on a terminal, otherwise tab-separated lines. Returns how many. */
  readonly printTable: <T>(rows: AsyncIterable<T> | Iterable<T>, columns: readonly Column<T>[]) => Promise<number>;
  /** A JSON object whose last member is an array, which is streamed. For --json only. */
  readonly document: <T, Row>(
    rows: AsyncIterable<T>,
    toRow: (row: T) => Row,
    whole: (rows: Row[]) => Result,
  ) => Promise<void>;
  /** One event of a stream: a JSON line, or lines for people; without `text` people get none. */
  readonly event: (value: Result, text?: string | readonly string[]) => Promise<void>;
  /** A message on stderr, which --quiet suppresses. */
  note(text: string): void;
  /** A warning on stderr, also with --quiet. */
  warn(text: string): void;
}

export interface Column<T> {
  title: string;
  value(row: T): string;
  right?: boolean;
}

async function* untilInterrupted<T>(rows: AsyncIterable<T> | Iterable<T>, signal: AbortSignal): AsyncGenerator<T> {
  for await (const row of rows) {
    throwIfInterrupted(signal);
    yield row;
  }
}

export function createOutput(io: Io, options: OutputOptions): Output<unknown> {
  const progress = createProgress(io, options);
  const dim = (text: string) => (options.color && io.stderr.isTTY ? `\u001b[2m${text}\u001b[22m` : text);
  const yellow = (text: string) => (options.color && io.stderr.isTTY ? `\u001b[33m${text}\u001b[39m` : text);

  async function write(text: string): Promise<void> {
    progress.clear();
    try {
      await new Promise<void>((resolve, reject) => {
        io.stdout.write(text, (error) => (error ? reject(error) : resolve()));
      });
    } catch (error) {
      throw outputError(error);
    }
  }
  const line = (text: string) => write(`${printable(text)}\n`);
  async function lines(text: string | readonly string[]): Promise<void> {
    for (const each of typeof text === "string" ? [text] : text) await line(each);
  }

  async function printTable<T>(rows: AsyncIterable<T> | Iterable<T>, columns: readonly Column<T>[]): Promise<number> {
    let count = 0;
    if (!io.stdout.isTTY) {
      for await (const row of untilInterrupted(rows, io.signal)) {
        await write(`${columns.map((column) => printable(column.value(row))).join("\t")}\n`);
        count++;
      }
      return count;
    }
    // in blocks, each with widths of its own: a million rows need not be in memory
    let screen: string[][] = [];
    const flush = async () => {
      const all = [columns.map((column) => column.title), ...screen];
      const widths = columns.map((_, index) => Math.max(...all.map((cells) => (cells[index] ?? "").length)));
      const pad = (cells: string[]) =>
        cells
          .map((cell, index) =>
            columns[index]?.right ? cell.padStart(widths[index] ?? 0) : cell.padEnd(widths[index] ?? 0),
          )
          .join("  ")
          .trimEnd();
      await write(`${dim(pad(all[0] ?? []))}\n`);
      for (const cells of screen) await write(`${pad(cells)}\n`);
      screen = [];
    };
    for await (const row of untilInterrupted(rows, io.signal)) {
      screen.push(columns.map((column) => printable(column.value(row))));
      if (screen.length >= 1000) await flush();
      count++;
    }
    if (screen.length > 0) await flush();
    return count;
  }

  function talk(text: string, paint: (text: string) => string): void {
    progress.clear();
    printMessage(io, text, paint);
  }

  return {
    options,
    progress,
    async result(value, text) {
      if (options.json) return write(`${JSON.stringify(value, null, io.stdout.isTTY ? 2 : 0)}\n`);
      await lines(text);
    },
    async lines(text) {
      if (!options.json) await lines(text);
    },
    async table(rows, columns, toResult) {
      if (!options.json) return printTable(rows, columns);
      let count = 0;
      let separator = "[";
      for await (const row of untilInterrupted(rows, io.signal)) {
        await write(`${separator}${JSON.stringify(toResult(row))}`);
        separator = ",\n";
        count++;
      }
      await write(count === 0 ? "[]\n" : "]\n");
      return count;
    },
    printTable,
    async document(rows, toRow, whole) {
      await write(JSON.stringify(whole([])).slice(0, -2));
      let separator = "";
      for await (const row of untilInterrupted(rows, io.signal)) {
        await write(`${separator}${JSON.stringify(toRow(row))}`);
        separator = ",\n";
      }
      await write("]}\n");
    },
    async event(value, text) {
      if (options.json) return write(`${JSON.stringify(value)}\n`);
      if (text !== undefined) await lines(text);
    },
    note(text) {
      if (!options.quiet) talk(text, dim);
    },
    warn(text) {
      talk(text, (message) => `${yellow("warning:")} ${message}`);
    },
  };
}
