import { resolve } from "node:path";
import { FeedctlError } from "../../errors.ts";
import { registerUrl } from "../../lib/text/redact.ts";
import type { Io } from "./io.ts";
import { readableByOthers, readTrustedFile, type TrustedFile } from "./trusted-file.ts";

/** Where the URL of the catalog may be given, in one place of the configuration. */
interface Given {
  url: string | undefined;
  file: string | undefined;
}

/**
 * The URL of the catalog's database, from the environment, else from the configuration file: itself, or in a file that
 * holds nothing else, such as a credential of systemd. Undefined when neither names one. Throws `usage` when one place
 * gives both, and `denied` for a file that others can read.
 */
export async function readDatabaseUrl(io: Io, configured: Given): Promise<string | undefined> {
  const environment = { url: io.env["FEEDCTL_DATABASE_URL"], file: io.env["FEEDCTL_DATABASE_URL_FILE"] };
  const isInEnvironment = environment.url !== undefined || environment.file !== undefined;
  const given = isInEnvironment ? environment : configured;
  if (given.url === undefined || given.file === undefined)
    return given.file === undefined ? given.url : readUrlFile(resolve(io.cwd, given.file));
  throw new FeedctlError(
    "usage",
    isInEnvironment
      ? "FEEDCTL_DATABASE_URL and FEEDCTL_DATABASE_URL_FILE are both set"
      : `the configuration file has both "databaseUrl" and "databaseUrlFile"`,
    { hint: "remove one of them" },
  );
}

async function readUrlFile(path: string): Promise<string> {
  let file: TrustedFile;
  try {
    file = await readTrustedFile(path, readableByOthers);
  } catch (error) {
    throw new FeedctlError("denied", `the database URL cannot be read from ${path}: ${(error as Error).message}`, {
      cause: error,
      hint: "FEEDCTL_DATABASE_URL_FILE (or databaseUrlFile) names a file that holds the URL and nothing else",
    });
  }
  if (file.problem !== undefined)
    throw new FeedctlError("denied", `the database URL in ${path} is not used: ${file.problem}`, {
      hint: `only its user may own and read it: chown and chmod 600 ${path}`,
    });
  const url = file.bytes?.toString("utf8").trim() ?? "";
  if (url === "" || /\s/.test(url))
    throw new FeedctlError("usage", `the file ${path} does not hold the URL of a database and nothing else`, {
      hint: "its only line is: postgres://USER:PASSWORD@HOST/DATABASE",
    });
  registerUrl(url);
  return url;
}
