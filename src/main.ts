import { readFileSync } from "node:fs";
import { inspect } from "node:util";
import { CommanderError, type CommandUnknownOpts } from "commander";
import type { Edge } from "./cli/frame/edge.ts";
import type { Io } from "./cli/frame/io.ts";
import { printMessage, printTrace } from "./cli/frame/lines.ts";
import { createOutput, type OutputOptions } from "./cli/frame/output.ts";
import { createProgram } from "./cli/program.ts";
import type { ErrorLine } from "./cli/results/schemas/installation.ts";
import { errorCodes, exhaustionOf, exitStatus, FeedctlError, HUNG_UP, TERMINATED } from "./errors.ts";
import { isDiskFull } from "./lib/files/disk-full.ts";
import { setLimits } from "./lib/limits.ts";
import { ownFile } from "./lib/own-file.ts";
import { redact } from "./lib/text/redact.ts";
import { registerEnvironment } from "./cli/frame/secret-variables.ts";
import type { Context } from "./operations/context.ts";

/** Runs one command line and returns its exit status: parse, act, report. */
export async function run(argv: readonly string[], io: Io): Promise<number> {
  let status = 0;
  registerEnvironment(io.env);
  const edge: Edge = {
    io,
    async act(command, action, { isEndless = false } = {}) {
      const flags = command.optsWithGlobals();
      const out = createOutput(io, outputOptions(flags, io));
      const { loadConfig } = await import("./cli/frame/config.ts");
      const { createContext } = await import("./cli/frame/context.ts");
      const note = (message: string) => out.note(message);
      let someFailed = false;
      const notice: Context["notice"] = (message, { failed } = { failed: false }) => {
        someFailed ||= failed;
        if (failed) out.warn(message);
        else out.note(message);
      };
      const config = await loadConfig(io, flags);
      setLimits(config.limits);
      await using context = createContext(io, config, notice, out.options.verbose ? note : undefined);
      try {
        status = (await action(context, out)) ?? 0;
        if (status === 0 && someFailed) status = errorCodes.partial.exit;
      } catch (error) {
        // a service manager stops a command without an end so, and expects success
        if (!isEndless || stoppedWith(io.signal) !== TERMINATED) throw error;
        out.note("stopped");
      } finally {
        out.progress.stop();
      }
    },
  };
  const program = createProgram(edge, packageVersion());
  let failedCommand = "feedctl";
  prepare(program, io, (command) => (failedCommand = command));
  try {
    await program.parseAsync(argv, { from: "user" });
    return status;
  } catch (error) {
    return report(error instanceof CommanderError ? fromCommander(error, failedCommand) : error, argv, io);
  }
}

/** Configures a command and its children. `failed` gets the path of the command whose arguments are wrong. */
function prepare(command: CommandUnknownOpts, io: Io, failed: (command: string) => void, path = command.name()): void {
  command.exitOverride().configureOutput({
    writeOut: (text) => void io.stdout.write(text),
    writeErr: (text) => void io.stderr.write(text),
    getOutHelpWidth: () => io.stdout.columns ?? 100,
    getErrHelpWidth: () => io.stderr.columns ?? 100,
    outputError: () => failed(path), // `report` prints it
  });
  command.configureHelp({ showGlobalOptions: true }).helpOption("-h, --help", "show this help");
  for (const child of command.commands) prepare(child, io, failed, `${path} ${child.name()}`);
}

function outputOptions(flags: Record<string, unknown>, io: Io): OutputOptions {
  return {
    json: flags["json"] === true,
    quiet: flags["quiet"] === true,
    verbose: flags["verbose"] === true,
    color: flags["color"] !== false && !io.env["NO_COLOR"] && io.env["TERM"] !== "dumb",
  };
}

/** Prints an error, once, and chooses the exit status. */
function report(thrown: unknown, argv: readonly string[], io: Io): number {
  if (typeof thrown === "number") return thrown;
  const error = io.signal.aborted
    ? new FeedctlError("interrupted", "interrupted", {
        cause: thrown,
        hint: "run the same command again to continue",
        status: stoppedWith(io.signal),
      })
    : (exhaustionOf(thrown) ?? translateFullDisk(thrown));
  const known = error instanceof FeedctlError;
  if (argv.includes("--json")) {
    const line: ErrorLine = known
      ? { type: "error", code: error.code, message: error.message, hint: error.hint }
      : { type: "error", code: "bug", message: String(error) };
    io.stderr.write(redact(`${JSON.stringify(line)}\n`));
  } else if (known) {
    printMessage(io, `error: ${error.message}`);
    if (error.hint !== undefined) printMessage(io, `hint: ${error.hint}`);
  }
  if (!known) {
    printTrace(io, inspect(error));
    printMessage(io, "");
    printMessage(io, "This is a bug in feedctl. Please report it with the lines above.");
  } else if (io.env["FEEDCTL_DEBUG"] && error.cause !== undefined)
    printTrace(io, `cause: ${inspect(error.cause, { depth: 4 })}`);
  const status = exitStatus(error);
  return status < 8 && wantsRobocopyStatus(argv) ? 16 : status;
}

/** The exit status of what has aborted the signal: Ctrl-C, SIGTERM or SIGHUP. */
function stoppedWith({ reason }: AbortSignal): number | undefined {
  return reason instanceof FeedctlError ? reason.status : undefined;
}

/** Any write to a file may find the disk full, so the error is not a bug. */
function translateFullDisk(thrown: unknown): unknown {
  if (thrown instanceof FeedctlError || !(thrown instanceof Error) || !isDiskFull(thrown)) return thrown;
  return new FeedctlError("full", `no space is left on a disk: ${thrown.message}`, {
    cause: thrown,
    hint: "free space there, then run the same command again; TMPDIR and FEEDCTL_DATA_DIR choose other disks",
  });
}

/** A script that reads robocopy's bits treats every status below 8 as success, so other errors must not have one. */
function wantsRobocopyStatus(argv: readonly string[]): boolean {
  return argv.some(
    (word, i) => word === "--exit-code=robocopy" || (word === "--exit-code" && argv[i + 1] === "robocopy"),
  );
}

/** Returns a status when help or the version was shown, otherwise a usage error. */
function fromCommander(thrown: CommanderError, command: string): FeedctlError | number {
  if (thrown.exitCode === 0) return 0;
  if (thrown.code === "commander.help") return 2; // a noun without a verb
  const message = thrown.message.replace(/^error: /, "").replace("command-argument value", "the value");
  // anything else behind a line feed is an argument that commander quotes
  const [, first = message, suggestion] = /^(.*)\n\((Did you mean [^\n]*)\)$/s.exec(message) ?? [];
  return new FeedctlError("usage", first, { hint: suggestion ?? `see: ${command} --help` });
}

function packageVersion(): string {
  const { version } = JSON.parse(readFileSync(ownFile("../package.json"), "utf8")) as {
    version: string;
  };
  return version;
}

/** Entry point of the process. The first Ctrl-C, SIGTERM or SIGHUP aborts cleanly, the second exits at once. */
export async function main(process: NodeJS.Process): Promise<void> {
  const controller = new AbortController();
  const stop = (message: string, status: number) => () => {
    if (controller.signal.aborted) process.exit(status);
    controller.abort(new FeedctlError("interrupted", message, { status }));
  };
  process.on("SIGINT", stop("stopped by the user", errorCodes.interrupted.exit));
  process.on("SIGTERM", stop("ended by SIGTERM", TERMINATED));
  const { stdout, stderr, stdin, env, platform, pid } = process;
  // nohup ignores SIGHUP and leaves no stream on the terminal, but Node resets what is ignored when it starts
  const hangUp = stop("the terminal was closed", HUNG_UP);
  process.on("SIGHUP", stdin.isTTY || stdout.isTTY || stderr.isTTY ? hangUp : () => {});
  const io: Io = {
    stdout,
    stderr,
    stdin,
    env,
    platform,
    pid,
    cwd: process.cwd(),
    signal: controller.signal,
    now: () => new Date(),
  };
  process.exitCode = await run(process.argv.slice(2), io);
  // sockets and timers of interrupted requests must not keep the process alive
  if (controller.signal.aborted) process.exit();
}
