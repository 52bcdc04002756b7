import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { binary, type Sandbox } from "./feedctl.ts";
import { PATIENCE } from "./wait.ts";

/** What to pass as a test's `skip`. */
export function noShell(name: string): string | false {
  return spawnSync(name, ["-c", "exit 0"]).status === 0 ? false : `no ${name} on this machine`;
}

/** Runs a script in a real shell of the sandbox, where `feedctl` is on PATH. stdout and stderr, one after the other. */
export function runShell(
  place: Sandbox,
  command: readonly string[],
  options: { env?: Record<string, string>; input?: string } = {},
) {
  const bin = place.path("bin");
  mkdirSync(bin, { recursive: true });
  writeFileSync(join(bin, "feedctl"), `#!/bin/sh\nexec '${process.execPath}' '${binary}' "$@"\n`);
  chmodSync(join(bin, "feedctl"), 0o755);
  const [program = "", ...args] = command;
  const env = {
    PATH: [bin, process.env["PATH"]].join(delimiter),
    HOME: place.directory,
    FEEDCTL_DATA_DIR: place.data,
    LC_ALL: "C.UTF-8",
    TERM: "dumb",
    ...options.env,
  };
  return spawnSync(program, args, {
    cwd: place.directory,
    env,
    encoding: "utf8",
    input: options.input ?? "",
    timeout: PATIENCE,
  });
}
