import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { repository } from "./build.ts";

export const exampleFolder = join(repository, "docs", "examples");

export function readExample(name: string): string {
  return readFileSync(join(exampleFolder, name), "utf8");
}

/** The shell command of each line of a file for /etc/cron.d, as cron passes it to the shell. */
export function cronCommands(text: string): string[] {
  const lines = text.split("\n").filter((line) => /^[-\d*,/]/.test(line));
  return lines.map((line) => {
    const command = /^(?:\S+\s+){5}\w+\s+(.*)$/.exec(line)?.[1];
    if (command === undefined) throw new Error(`not five times, a user and a command: ${line}`);
    // an unescaped % ends the command; what follows would be its standard input
    const [first = ""] = command.split(/(?<!\\)%/);
    return first.replaceAll(String.raw`\%`, "%");
  });
}

/** The command of a systemd unit, as systemd runs it. */
export function unitCommands(text: string): string[] {
  return [...text.matchAll(/^ExecStart=(.*)$/gm)].map(([, line = ""]) => {
    if (/(?<!%)%(?:%%)*(?!%)/.test(line)) throw new Error(`a percent sign in a unit is %%: ${line}`);
    return line.replace("/usr/local/bin/", "").replaceAll("%%", "%");
  });
}

/** The shell commands of the steps of a GitHub Actions workflow. */
export function workflowCommands(text: string): string[] {
  const { jobs } = parse(text) as { jobs: Record<string, { steps: { run?: string }[] }> };
  return Object.values(jobs).flatMap(({ steps }) => steps.flatMap((step) => step.run ?? []));
}
