import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { repository } from "./build.ts";

export const exampleFolder = join(repository, "docs", "examples");

export function readExample(name: string): string {
  return readFileSync(join(exampleFolder, name), "utf8");
}

type Environment = Record<string, string>;

export interface CronJob {
  user: string;
  /** For the shell, as cron passes it on. */
  command: string;
  /** Its standard input: what follows an unescaped %. */
  input: string;
  /** The settings of the crontab above the line. */
  env: Environment;
}

/** The most characters of a command: MAX_COMMAND of Debian's cron. */
const LONGEST_COMMAND = 1000;

/**
 * The jobs of a file for /etc/cron.d, as Debian's cron reads it (env.c, entry.c, do_command.c of cron 3.0pl1). Throws
 * for what cron would ignore or run differently than written.
 */
export function cronJobs(text: string): CronJob[] {
  if (!text.endsWith("\n")) throw new Error("cron ignores a file whose last line does not end");
  const env: Environment = {};
  const jobs: CronJob[] = [];
  for (const line of text.split("\n").map((each) => each.trimStart())) {
    if (line === "" || line.startsWith("#")) continue;
    const setting = /^(\w+)\s*=\s*(.*?)\s*$/.exec(line);
    if (setting !== null) {
      const [, name = "", value = ""] = setting;
      if (/[$~]/.test(value)) throw new Error(`cron expands nothing in a setting: ${line}`);
      env[name] = value.replace(/^(["'])(.*)\1$/, "$2");
      continue;
    }
    const entry = /^(?:[-\d*,/]+[ \t]+){5}([\w-]+)[ \t]+(.*)$/.exec(line);
    if (entry === null) throw new Error(`not five times, a user and a command: ${line}`);
    const [, user = "", written = ""] = entry;
    if (written.length > LONGEST_COMMAND) throw new Error(`cron cuts the command: ${line}`);
    const [command = "", ...input] = written.split(/(?<!\\)%/).map((part) => part.replaceAll(String.raw`\%`, "%"));
    jobs.push({ user, command, input: input.join("\n"), env: { ...env } });
  }
  return jobs;
}

export interface Unit {
  /** What ExecStart runs: there is no shell. */
  argv: string[];
  env: Environment;
  /** Files that systemd copies into the credentials directory, by name. */
  credentials: Environment;
  /** Exit statuses that are success besides 0. */
  success: number[];
}

/**
 * The service of a systemd unit (systemd.service, systemd.exec, systemd.unit), whose credentials are in the directory
 * `credentials`. Throws for a specifier or a variable that the examples do not use.
 */
export function readUnit(text: string, credentials: string): Unit {
  const values = (name: string) =>
    [...text.matchAll(new RegExp(`^${name}=(.*)$`, "gm"))].map(([, value = ""]) => value);
  const words = (value: string) =>
    value
      .trim()
      .split(/\s+/)
      .map((word) => expand(word, credentials));
  const [exec = "", ...others] = values("ExecStart");
  if (exec === "" || others.length > 0) throw new Error("not one ExecStart");
  const unknown = [...text.matchAll(/^(\w*(?:Credential|Environment)\w*)=/gm)].map(([, name]) => name);
  if (unknown.some((name) => name !== "LoadCredential" && name !== "Environment"))
    throw new Error(`not emulated: ${unknown.join(", ")}`);
  return {
    argv: words(exec),
    env: Object.fromEntries(
      values("Environment")
        .flatMap(words)
        .map((word) => cut(word, "=")),
    ),
    credentials: Object.fromEntries(values("LoadCredential").map((value) => cut(value, ":"))),
    success: values("SuccessExitStatus").flatMap(words).map(Number),
  };
}

function expand(word: string, credentials: string): string {
  if (/["'\\$]/.test(word)) throw new Error(`not emulated: ${word}`);
  return word.replaceAll(/%(.?)/g, (_all, letter) => {
    if (letter === "%") return "%";
    if (letter === "d") return credentials;
    throw new Error(`a percent sign in a unit is %%: ${word}`);
  });
}

function cut(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return [text.slice(0, at), text.slice(at + separator.length)];
}

/** The scripts of the steps of a GitHub Actions workflow. */
export function workflowScripts(text: string): string[] {
  const { jobs } = parse(text) as { jobs: Record<string, { steps: { run?: string }[] }> };
  return Object.values(jobs).flatMap(({ steps }) => steps.flatMap((step) => step.run ?? []));
}
