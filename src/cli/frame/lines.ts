import { printable } from "../../lib/text/printable.ts";
import { redact } from "../../lib/text/redact.ts";
import type { Io } from "./io.ts";

/** A line for people: escaped, without secrets, and with its end. */
function messageLine(text: string, paint: (text: string) => string = (plain) => plain): string {
  return `${paint(redact(printable(text)))}\n`;
}

/** Prints a message on stderr, as one line. */
export function printMessage(io: Pick<Io, "stderr">, text: string, paint?: (text: string) => string): void {
  io.stderr.write(messageLine(text, paint));
}

/**
 * Prints the lines of a stack or of an inspected value on stderr. All but the first are indented, so that none can be
 * forged.
 */
export function printTrace(io: Pick<Io, "stderr">, text: string): void {
  const [first = "", ...others] = text.split("\n");
  printMessage(io, first);
  for (const line of others) printMessage(io, `    ${line.trim()}`);
}
