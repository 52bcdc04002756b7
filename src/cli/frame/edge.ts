import { createInterface, type Interface } from "node:readline/promises";
import type { CommandUnknownOpts } from "commander";
import { FeedctlError } from "../../errors.ts";
import type { Context } from "../../operations/context.ts";
import { printable } from "../../lib/text/printable.ts";
import type { Io } from "./io.ts";
import type { Output } from "./output.ts";

/** What the definitions of commands need to run an action. */
export interface Edge {
  readonly io: Io;
  /**
   * Runs an action with a context that is closed afterwards. A number that the action returns is the exit status.
   * `Result` is what it prints with --json; without it, the action can only print messages. `isEndless`: the command
   * goes on until it is stopped, so SIGTERM is its success.
   */
  act<Result = never>(
    command: CommandUnknownOpts,
    action: (context: Context, out: Output<Result>) => Promise<number | void>,
    about?: { isEndless?: boolean | undefined },
  ): Promise<void>;
}

/** Asks before something is deleted. Throws `refused` without a confirmation; without a terminal --yes is required. */
export async function confirm(io: Io, question: string, yes: boolean | undefined): Promise<void> {
  if (yes) return;
  if (!io.stdin.isTTY || !io.stderr.isTTY)
    throw new FeedctlError("refused", `--yes is required without a terminal: ${question}`, {
      hint: "nothing was deleted; add --yes to continue",
    });
  const answer = await ask(io, `${printable(question)}? [y/N] `);
  if (!/^y(es)?$/i.test(answer.trim())) throw new FeedctlError("refused", "not confirmed; nothing was changed");
}

async function ask(io: Io, question: string): Promise<string> {
  const reader = createInterface({ input: io.stdin, output: io.stderr });
  try {
    return await answerTo(reader, question, io);
  } finally {
    reader.close();
  }
}

/** Rejects with `interrupted` on Ctrl-C, which the prompt receives instead of the process, and when the input ends. */
async function answerTo(reader: Interface, question: string, io: Io): Promise<string> {
  const unanswered = new Promise<never>((_resolve, reject) => {
    reader.once("close", () =>
      reject(new FeedctlError("interrupted", "not answered", { hint: "nothing was changed" })),
    );
  });
  try {
    return await Promise.race([reader.question(question, { signal: io.signal }), unanswered]);
  } catch (error) {
    if (!(error instanceof Error) || error.name !== "AbortError") throw error;
    throw new FeedctlError("interrupted", "not answered", { cause: error, hint: "nothing was changed" });
  }
}

/** Reads a secret from a pipe, or from the terminal without echo. */
export async function readSecret(io: Io, what: string): Promise<string> {
  if (!io.stdin.isTTY) {
    const chunks = await io.stdin.toArray({ signal: io.signal });
    return Buffer.concat(chunks.map((chunk) => Buffer.from(chunk as Uint8Array)))
      .toString("utf8")
      .replace(/\r?\n$/, "");
  }
  io.stderr.write(`${printable(what)}: `);
  const { Writable } = await import("node:stream");
  const mute = new Writable({ write: (_chunk, _encoding, done) => done() });
  const reader = createInterface({ input: io.stdin, output: mute, terminal: true });
  try {
    return await answerTo(reader, "", io);
  } finally {
    reader.close();
    io.stderr.write("\n");
  }
}
