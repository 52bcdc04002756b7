import type { CommandUnknownOpts } from "commander";
import type { Edge } from "../../src/cli/frame/edge.ts";
import { createProgram } from "../../src/cli/program.ts";
import { splitWords } from "./transcript.ts";

/** Why feedctl refuses this command line, which is only parsed; undefined when it accepts it. */
export async function commandLineProblem(line: string): Promise<string | undefined> {
  let ran = 0;
  const edge = { act: () => Promise.resolve(void ran++) } as unknown as Edge;
  const program = createProgram(edge, "0.0.0");
  throwInsteadOfExiting(program);
  try {
    await program.parseAsync(splitWords(line), { from: "user" });
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    return code === "commander.helpDisplayed" || code === "commander.version" ? undefined : message;
  }
  return ran === 1 || line.startsWith("completion ") ? undefined : "no command";
}

function throwInsteadOfExiting(command: CommandUnknownOpts): void {
  command.exitOverride().configureOutput({ writeErr: () => {}, writeOut: () => {} });
  command.commands.forEach(throwInsteadOfExiting);
}

/**
 * The arguments of every call of feedctl in a line of a shell, without comment, redirections and what follows a pipe.
 */
export function feedctlCalls(shell: string): string[] {
  const joined = shell.replaceAll(/\\\n\s*/g, " ");
  const calls = joined.matchAll(/(?:^|[(|;&]\s*|\w=\S+ )feedctl ((?:'[^']*'|"[^"]*"|[^'"|;&()<>#\n]|\S#)*)/gm);
  return [...calls].map(([, line = ""]) => line.replace(/ 2$/, "").trim());
}
