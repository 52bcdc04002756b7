import { printable } from "../../lib/printable.ts";
import type { Io } from "./io.ts";
import { outputError } from "./output-error.ts";
import { createProgress, type Progress } from "./progress.ts";

export interface OutputOptions {
  json: boolean;
  quiet: boolean;
  verbose: boolean;
  color: boolean;
}

/** stdout is data, stderr is talk. Everything for people is made safe for a terminal here. */
export interface Output {
  readonly options: OutputOptions;
  readonly progress: Progress;
  /** The one result of a command: a JSON document, or lines for people. */
  result(value: unknown, text: string | readonly string[]): Promise<void>;
  /** Rows: a JSON array written as it comes, or a table (tab-separated where nobody looks). */
  table<T>(
    rows: AsyncIterable<T> | Iterable<T>,
    columns: readonly Column<T>[],
    toJson?: (row: T) => unknown,
  ): Promise<number>;
  /** A JSON object with the members of `head` and an array that is written as it comes. For --json only. */
  document<T>(head: object, name: string, rows: AsyncIterable<T>): Promise<void>;
  /** One event of long work: a JSON line, or a line for people (undefined: not worth one). */
  event(value: unknown, text?: string): Promise<void>;
  /** Talk: left out by --quiet. */
  note(text: string): void;
  /** Talk that even --quiet lets through. */
  warn(text: string): void;
}

export interface Column<T> {
  title: string;
  value(row: T): string;
  right?: boolean;
}

export function createOutput(io: Io, options: OutputOptions): Output {
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

  function talk(text: string): void {
    progress.clear();
    io.stderr.write(`${text}\n`);
  }

  return {
    options,
    progress,
    async result(value, text) {
      if (options.json) return write(`${JSON.stringify(value, null, io.stdout.isTTY ? 2 : 0)}\n`);
      for (const each of typeof text === "string" ? [text] : text) await line(each);
    },
    async table(rows, columns, toJson = (row) => row) {
      let count = 0;
      if (options.json) {
        let separator = "[";
        for await (const row of rows) {
          await write(`${separator}${JSON.stringify(toJson(row))}`);
          separator = ",\n";
          count++;
        }
        await write(count === 0 ? "[]\n" : "]\n");
        return count;
      }
      if (!io.stdout.isTTY) {
        for await (const row of rows) {
          await line(columns.map((column) => column.value(row).replaceAll(/[\t\n]/g, " ")).join("\t"));
          count++;
        }
        return count;
      }
      // a screenful at a time: widths need not be the same for a million rows
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
        for (const cells of screen) await line(pad(cells));
        screen = [];
      };
      for await (const row of rows) {
        screen.push(columns.map((column) => column.value(row).replaceAll("\n", " ")));
        if (screen.length >= 1000) await flush();
        count++;
      }
      if (screen.length > 0) await flush();
      return count;
    },
    async document(head, name, rows) {
      await write(JSON.stringify({ ...head, [name]: [] }).slice(0, -2));
      let separator = "";
      for await (const row of rows) {
        await write(`${separator}${JSON.stringify(row)}`);
        separator = ",\n";
      }
      await write("]}\n");
    },
    async event(value, text) {
      if (options.json) return write(`${JSON.stringify(value)}\n`);
      if (text !== undefined) await line(text);
    },
    note(text) {
      if (!options.quiet) talk(dim(printable(text)));
    },
    warn(text) {
      talk(`${yellow("warning:")} ${printable(text)}`);
    },
  };
}
