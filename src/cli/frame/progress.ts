import type { Ora } from "ora";
import type { SingleBar } from "cli-progress";
import { formatSize } from "../../lib/text/format-size.ts";
import { printable } from "../../lib/text/printable.ts";
import type { Io } from "./io.ts";
import { printMessage } from "./lines.ts";

/** Progress of long work: a bar or a spinner on a terminal, otherwise a plain line every few seconds. */
export interface Progress {
  /** Begins: with a bar when the total is known, otherwise with a spinner. */
  start(label: string, total?: number): Promise<void>;
  /** One item is done. */
  step(bytes: number): void;
  /** Sets the items and bytes that are done in all, also by other processes. */
  at(items: number, bytes: number): void;
  /** Progress within one long item: shown at once on a terminal, otherwise as the next plain line. */
  tick(text: string): void;
  /** Makes room for a line of output; the next step draws again. */
  clear(): void;
  stop(): void;
}

/** Seconds between plain lines, unless FEEDCTL_PROGRESS_INTERVAL is set. */
export const PLAIN_INTERVAL = 5;

export function createProgress(io: Io, options: { quiet: boolean; color: boolean; json: boolean }): Progress {
  if (options.quiet) return { async start() {}, step() {}, at() {}, tick() {}, clear() {}, stop() {} };
  let label = "";
  let total: number | undefined;
  let done = 0;
  let bytes = 0;
  let spinner: Ora | undefined;
  let bar: SingleBar | undefined;
  let last = 0;
  const interval = 1000 * (Number(io.env["FEEDCTL_PROGRESS_INTERVAL"]) || PLAIN_INTERVAL);

  const text = () => `${label}: ${done}${total === undefined ? "" : ` of ${total}`}, ${formatSize(bytes)}`;

  /** Shortens a label beside the bar, which needs some sixty columns. Keeps its end, where the file name is. */
  function fitting(name: string): string {
    const wanted = printable(name);
    const room = Math.max(20, (io.stderr.columns ?? 80) - 62);
    return wanted.length <= room ? wanted : `…${wanted.slice(1 - room)}`;
  }

  return {
    async start(name, count) {
      this.stop();
      label = name;
      total = count;
      done = 0;
      bytes = 0;
      last = performance.now();
      // a terminal of 0 columns, as some containers have, makes the libraries clear lines endlessly
      if (!io.stderr.isTTY || io.stderr.columns === 0) return;
      if (total === undefined) {
        const { default: ora } = await import("ora");
        spinner = ora({
          text: printable(text()),
          stream: io.stderr,
          discardStdin: false,
          hideCursor: true,
          color: options.color ? "cyan" : false,
        }).start();
      } else {
        const { SingleBar } = (await import("cli-progress")).default;
        bar = new SingleBar({
          stream: io.stderr,
          format: "{label} [{bar}] {percentage}%  {value}/{total}  {size}  eta {eta_formatted}",
          barsize: 20,
          barCompleteChar: "=",
          barIncompleteChar: " ",
          hideCursor: true,
          clearOnComplete: true,
          gracefulExit: false,
          noTTYOutput: false,
        });
        bar.start(total, 0, { label: fitting(label), size: formatSize(0) });
      }
    },
    step(size) {
      this.at(done + 1, bytes + size);
    },
    at(items, size) {
      done = items;
      bytes = size;
      if (spinner !== undefined) {
        spinner.text = printable(text());
        if (!spinner.isSpinning) spinner.start();
      } else if (bar !== undefined) {
        bar.update(done, { label: fitting(label), size: formatSize(bytes) });
      } else if (label !== "" && performance.now() - last >= interval) {
        last = performance.now();
        printMessage(io, text());
      }
    },
    tick(item) {
      if (spinner !== undefined) spinner.text = printable(item);
      else if (bar !== undefined) bar.update(done, { label: fitting(item), size: formatSize(bytes) });
      else if (label !== "" && performance.now() - last >= interval) {
        last = performance.now();
        printMessage(io, item);
      }
    },
    clear() {
      if (spinner?.isSpinning) spinner.stop();
      // clears the bar's line; the bar is drawn again at the next update
      if (bar !== undefined && io.stderr.isTTY) io.stderr.write("\r\u001b[K");
    },
    stop() {
      spinner?.stop();
      bar?.stop();
      spinner = undefined;
      bar = undefined;
      label = "";
    },
  };
}
