import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { repository } from "./model.ts";
import { terminalPicture } from "./terminal.ts";

const MARKED = /^<!-- picture: (\S+) (.*?) -->\n\n```console\n(.*?)\n```$/gms;

/**
 * The pictures of terminal sessions by file below docs/: each console block that follows `<!-- picture: FILE TITLE -->`.
 * The blocks hold the output of a real run: test/repo/docs.test.ts runs them again and compares.
 */
export function pictures(): Map<string, string> {
  const folder = join(repository, "docs");
  const guides = readdirSync(folder).filter((name) => name.endsWith(".md"));
  const blocks = guides.flatMap((name) => [...readFileSync(join(folder, name), "utf8").matchAll(MARKED)]);
  return new Map(
    blocks.map(([, file = "", title = "", session = ""]) => [file, terminalPicture(title, session.split("\n"))]),
  );
}
