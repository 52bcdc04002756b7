import { isAbsolute } from "node:path";
import { FeedctlError } from "../../errors.ts";

/** Where the operating system keeps a user's files of feedctl: `~/.local/share/feedctl` and `~/.config/feedctl` on Linux. */
export async function userDirectories(): Promise<{ data: string; config: string }> {
  const { default: envPaths } = await import("env-paths");
  const { data, config } = envPaths("feedctl", { suffix: "" });
  for (const directory of [data, config]) {
    // HOME or one of the XDG variables is relative: each working directory would have a catalog of its own
    if (!isAbsolute(directory))
      throw new FeedctlError("usage", `the directory ${directory} of this user is not an absolute path`, {
        hint: "set HOME, XDG_DATA_HOME and XDG_CONFIG_HOME to absolute paths, or unset them",
      });
  }
  return { data, config };
}
